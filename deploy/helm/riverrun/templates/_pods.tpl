{{/* What the pods of all components share. */}}

{{/* Labels and annotations of a pod (list root component its-values). */}}
{{- define "riverrun.pod.metadata" -}}
labels:
  {{- /* Not the chart's version: a new chart alone restarts nothing. */}}
  {{- include "riverrun.selector" . | nindent 2 }}
  app.kubernetes.io/part-of: riverrun
  {{- with (index . 0).Values.commonLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- with (index . 2).podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with (index . 2).podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Who the pod is, where it may run, and with which rights (list root component its-values). */}}
{{- define "riverrun.pod.spec" -}}
{{- $root := index . 0 -}}
{{- $own := index . 2 -}}
serviceAccountName: {{ include "riverrun.serviceAccountName" . }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  {{- include "riverrun.pod.securityContext" . | nindent 2 }}
{{- with concat $root.Values.imagePullSecrets (dig "imagePullSecrets" list ($root.Values.global | default dict)) }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $own.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.extraInitContainers }}
initContainers:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "riverrun.pod.securityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{/* Image and rights of a container of ours (root). */}}
{{- define "riverrun.container" -}}
image: {{ include "riverrun.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end -}}

{{/* The environment of a service (list root PREFIX its-values): settings of the values become RIVERRUN_<PREFIX>_…. */}}
{{- define "riverrun.env" -}}
{{- $root := index . 0 -}}
{{- $prefix := index . 1 -}}
{{- $own := index . 2 -}}
# Sets iterate alike in every process of a stack.
- {name: PYTHONHASHSEED, value: "1"}
- {name: RIVERRUN_{{ $prefix }}_HOST, value: "0.0.0.0"}
- {name: RIVERRUN_{{ $prefix }}_INSECURE, value: {{ $root.Values.insecure | quote }}}
{{- include "riverrun.caller.env" $root }}
{{- with $root.Values.factories }}
- {name: RIVERRUN_FACTORIES, value: {{ join "," . | quote }}}
{{- end }}
{{- with $root.Values.tracing }}
{{- if .endpoint }}
- {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ .endpoint | quote }}}
- {name: OTEL_TRACES_SAMPLER, value: {{ .sampler | quote }}}
- {name: OTEL_TRACES_SAMPLER_ARG, value: {{ .ratio | quote }}}
- {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
- {name: OTEL_RESOURCE_ATTRIBUTES, value: "k8s.namespace.name={{ $root.Release.Namespace }},k8s.pod.name=$(POD_NAME)"}
{{- end }}
{{- end }}
{{- range $key, $value := $own.settings }}
- {name: RIVERRUN_{{ $prefix }}_{{ snakecase $key | upper }}, value: {{ include "riverrun.text" $value | quote }}}
{{- end }}
{{- with $own.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* A setting as its program reads it. Numbers of values are floats, and large ones would be written as 1e+06. */}}
{{- define "riverrun.text" -}}
{{- if kindIs "slice" . -}}
{{- join "," . -}}
{{- else if and (kindIs "float64" .) (eq (floor .) .) -}}
{{- . | int64 -}}
{{- else -}}
{{- . -}}
{{- end -}}
{{- end -}}

{{/* A whole number of seconds, from a setting that may be a fraction. */}}
{{- define "riverrun.seconds" -}}
{{- . | float64 | ceil | int -}}
{{- end -}}

{{/* Whether a parameter server answers. A kubelet's gRPC probe speaks no TLS. */}}
{{- define "riverrun.paramServer.probe" -}}
{{- if .Values.insecure }}
grpc: {port: 8002}
{{- else }}
httpGet: {path: /readyz, port: http, scheme: HTTPS}
{{- end }}
{{- end -}}
