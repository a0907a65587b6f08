{{/* What every pod may reach: names, and what the values add. */}}
{{- define "riverrun.egress" -}}
# DNS, wherever the cluster has it.
- ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]
{{- with .Values.tracing.endpoint }}
{{- $found := regexFind ":[0-9]+$" (urlParse .).host | trimPrefix ":" }}
# The collector of traces, wherever it is.
- ports: [{port: {{ $found | default (hasPrefix "https:" . | ternary "443" "80") | int }}}]
{{- end }}
{{- with .Values.networkPolicy.extraEgress }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The API server, which knows the tokens of service accounts. It is no pod, so it cannot be named. */}}
{{- define "riverrun.egress.apiServer" -}}
{{- if and (not .Values.insecure) (ne .Values.auth.mode "keys") }}
- ports: [{port: 443}, {port: 6443}]
{{- end }}
{{- end -}}

{{/* The parameter server and its replicas, as a destination. */}}
{{- define "riverrun.egress.paramServer" -}}
- ports: [{port: 8002}]
  to:
    - podSelector:
        matchLabels:
          {{- include "riverrun.selector" (list . "follower") | nindent 10 }}
    - podSelector:
        matchLabels:
          {{- include "riverrun.selector" (list . "param-server") | nindent 10 }}
{{- end -}}
