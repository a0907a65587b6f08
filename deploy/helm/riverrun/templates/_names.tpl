{{/* Names and labels. Components are called param-server, trainer, serving, backup. */}}

{{- define "riverrun.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The first part of every object's name; short enough for the longest second part. */}}
{{- define "riverrun.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 39 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 39 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 39 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What selects the pods of a component (list root component). It must never change, so it names no version. */}}
{{- define "riverrun.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "riverrun.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* Labels of an object (list root component). */}}
{{- define "riverrun.labels" -}}
{{- $root := index . 0 -}}
{{ include "riverrun.selector" . }}
app.kubernetes.io/part-of: riverrun
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* name, namespace and labels of an object (list root component [name]); by default it is named after the component. */}}
{{- define "riverrun.metadata" -}}
{{- $root := index . 0 -}}
name: {{ if gt (len .) 2 }}{{ index . 2 }}{{ else }}{{ include "riverrun.fullname" $root }}-{{ index . 1 }}{{ end }}
namespace: {{ $root.Release.Namespace }}
labels:
  {{- include "riverrun.labels" (list $root (index . 1)) | nindent 2 }}
{{- end -}}

{{- define "riverrun.image" -}}
{{- $registry := .Values.image.registry | default (dig "imageRegistry" "" (.Values.global | default dict)) -}}
{{- with $registry }}{{ . }}/{{ end -}}
{{- .Values.image.repository -}}
{{- if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end -}}
{{- end -}}

{{/* The ServiceAccount of a component (list root component its-values). */}}
{{- define "riverrun.serviceAccountName" -}}
{{- (index . 2).serviceAccountName | default (printf "%s-%s" (include "riverrun.fullname" (index . 0)) (index . 1)) -}}
{{- end -}}

{{/* host:port of the parameter server within the cluster. */}}
{{- define "riverrun.paramServer" -}}
{{ include "riverrun.fullname" . }}-param-server.{{ .Release.Namespace }}.svc:8002
{{- end -}}

{{/* host:port of the read replicas. */}}
{{- define "riverrun.follower" -}}
{{ include "riverrun.fullname" . }}-follower.{{ .Release.Namespace }}.svc:8002
{{- end -}}

{{/* The ConfigMap of model specs; empty where there is none. */}}
{{- define "riverrun.modelsConfigMap" -}}
{{- if .Values.existingModelsConfigMap -}}
{{- .Values.existingModelsConfigMap -}}
{{- else -}}
{{- include "riverrun.fullname" . }}-models
{{- end -}}
{{- end -}}
