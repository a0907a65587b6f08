{{/* What every pod may reach: names, and what the values add. */}}
{{- define "riverrun.egress" -}}
# DNS, wherever the cluster has it.
- ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]
{{- with .Values.networkPolicy.extraEgress }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The parameter server, as a destination. */}}
{{- define "riverrun.egress.paramServer" -}}
- ports: [{port: 8002}]
  to:
    - podSelector:
        matchLabels:
          {{- include "riverrun.selector" (list . "param-server") | nindent 10 }}
{{- end -}}
