{{/* Something to try, made from a spec: for NOTES.txt. */}}

{{/* A row that fits the features of a spec, as JSON. */}}
{{- define "riverrun.sample.row" -}}
{{- $row := dict -}}
{{- range $name, $feature := .features -}}
{{- $feature = kindIs "string" $feature | ternary (dict "type" $feature) $feature -}}
{{- if has $feature.type (list "category" "text") -}}
{{- $_ := set $row $name "a" -}}
{{- else if eq $feature.type "bool" -}}
{{- $_ := set $row $name true -}}
{{- else -}}
{{- $_ := set $row $name (hasKey $feature "min" | ternary $feature.min (hasKey $feature "max" | ternary $feature.max 1)) -}}
{{- end -}}
{{- end -}}
{{- toJson $row -}}
{{- end -}}

{{/* A label that fits the task of a spec. */}}
{{- define "riverrun.sample.label" -}}
{{- if eq .task "binary" }}true{{ else if eq .task "multiclass" }}a{{ else }}1{{ end -}}
{{- end -}}
