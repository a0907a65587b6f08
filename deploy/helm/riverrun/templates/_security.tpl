{{/* TLS and tokens. Both are on, or `insecure` says out loud that neither is. */}}

{{/* The Secret of tls.crt, tls.key and ca.crt; empty where insecure. */}}
{{- define "riverrun.tls.secret" -}}
{{- if not .Values.insecure -}}
{{- if eq .Values.tls.mode "secret" -}}
{{- required "tls.mode secret needs tls.existingSecret, a Secret of tls.crt, tls.key and ca.crt" .Values.tls.existingSecret -}}
{{- else -}}
{{- include "riverrun.fullname" . }}-tls
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "riverrun.scheme" -}}
{{- .Values.insecure | ternary "http" "https" -}}
{{- end -}}

{{/* Every name that a certificate of the release is for, one a line. */}}
{{- define "riverrun.tls.names" -}}
{{- $full := include "riverrun.fullname" . -}}
{{- range $service := list "param-server" "follower" "serving" "serving-headless" }}
{{ $full }}-{{ $service }}
{{ $full }}-{{ $service }}.{{ $.Release.Namespace }}
{{ $full }}-{{ $service }}.{{ $.Release.Namespace }}.svc
{{ $full }}-{{ $service }}.{{ $.Release.Namespace }}.svc.cluster.local
{{- end }}
localhost
{{- range .Values.tls.extraNames }}
{{ . }}
{{- end }}
{{- end -}}

{{/* Environment of everything that calls services of the release. */}}
{{- define "riverrun.caller.env" -}}
{{- if not .Values.insecure }}
- {name: RIVERRUN_TLS_CERT_FILE, value: /etc/riverrun/tls/tls.crt}
- {name: RIVERRUN_TLS_KEY_FILE, value: /etc/riverrun/tls/tls.key}
- {name: RIVERRUN_TLS_CA_FILE, value: /etc/riverrun/tls/ca.crt}
{{- if ne .Values.auth.mode "keys" }}
- {name: RIVERRUN_TOKEN_FILE, value: /var/run/secrets/riverrun/token}
{{- else }}
- {name: RIVERRUN_TOKEN_FILE, value: /etc/riverrun/key/token}
{{- end }}
{{- end }}
{{- end -}}

{{/* Environment of what is called: how it knows its callers. */}}
{{- define "riverrun.called.env" -}}
{{- if not .Values.insecure }}
- {name: RIVERRUN_AUTH_MODE, value: {{ .Values.auth.mode }}}
{{- if ne .Values.auth.mode "keys" }}
- {name: RIVERRUN_AUTH_ACCOUNTS_FILE, value: /etc/riverrun/auth/accounts}
{{- end }}
{{- if .Values.auth.existingKeysSecret }}
- {name: RIVERRUN_AUTH_KEYS_FILE, value: /etc/riverrun/keys/keys}
{{- end }}
{{- end }}
{{- end -}}

{{- define "riverrun.caller.mounts" -}}
{{- if not .Values.insecure }}
- {name: tls, mountPath: /etc/riverrun/tls, readOnly: true}
{{- if ne .Values.auth.mode "keys" }}
- {name: token, mountPath: /var/run/secrets/riverrun, readOnly: true}
{{- else }}
- {name: key, mountPath: /etc/riverrun/key, readOnly: true}
{{- end }}
{{- end }}
{{- end -}}

{{- define "riverrun.called.mounts" -}}
{{- if not .Values.insecure }}
{{- if ne .Values.auth.mode "keys" }}
- {name: accounts, mountPath: /etc/riverrun/auth, readOnly: true}
- {name: api-server, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true}
{{- end }}
{{- if .Values.auth.existingKeysSecret }}
- {name: keys, mountPath: /etc/riverrun/keys, readOnly: true}
{{- end }}
{{- end }}
{{- end -}}

{{/* Volumes of a caller (list root component). */}}
{{- define "riverrun.caller.volumes" -}}
{{- $root := index . 0 -}}
{{- if not $root.Values.insecure }}
- name: tls
  secret: {secretName: {{ include "riverrun.tls.secret" $root }}, defaultMode: 0440}
{{- if ne $root.Values.auth.mode "keys" }}
- name: token
  projected:
    defaultMode: 0440
    sources:
      # Good for services of ours and for nothing else, and for an hour.
      - serviceAccountToken: {path: token, audience: riverrun, expirationSeconds: 3600}
{{- else }}
- name: key
  secret: {secretName: {{ required "auth.mode keys needs auth.existingTokensSecret, a Secret with a key for each component" $root.Values.auth.existingTokensSecret }}, defaultMode: 0440, items: [{key: {{ index . 1 }}, path: token}]}
{{- end }}
{{- end }}
{{- end -}}

{{- define "riverrun.called.volumes" -}}
{{- if not .Values.insecure }}
{{- if ne .Values.auth.mode "keys" }}
- name: accounts
  configMap: {name: {{ include "riverrun.fullname" . }}-accounts}
- name: api-server
  projected:
    defaultMode: 0440
    sources:
      - serviceAccountToken: {path: token, expirationSeconds: 3600}
      - configMap: {name: kube-root-ca.crt, items: [{key: ca.crt, path: ca.crt}]}
{{- end }}
{{- with .Values.auth.existingKeysSecret }}
- name: keys
  secret: {secretName: {{ . }}, defaultMode: 0440, items: [{key: keys, path: keys}]}
{{- end }}
{{- end }}
{{- end -}}

{{/* Rights of the Job that keeps the certificate (list root name annotations). */}}
{{- define "riverrun.certificates.access" -}}
{{- $root := index . 0 -}}
{{- $name := index . 1 -}}
{{- $full := include "riverrun.fullname" $root -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "riverrun.metadata" (list $root "certificates" $name) | nindent 2 }}
  annotations: {{ index . 2 | toJson }}
automountServiceAccountToken: false
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  {{- include "riverrun.metadata" (list $root "certificates" $name) | nindent 2 }}
  annotations: {{ index . 2 | toJson }}
rules:
  # What is created cannot be named beforehand; what is read and changed can.
  - {apiGroups: [""], resources: [secrets, configmaps], verbs: [create]}
  - {apiGroups: [""], resources: [secrets], resourceNames: [{{ $full }}-tls, {{ $full }}-ca], verbs: [get, update]}
  - {apiGroups: [""], resources: [configmaps], resourceNames: [{{ $full }}-ca], verbs: [get, update]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  {{- include "riverrun.metadata" (list $root "certificates" $name) | nindent 2 }}
  annotations: {{ index . 2 | toJson }}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: {{ $name }}}
subjects: [{kind: ServiceAccount, name: {{ $name }}, namespace: {{ $root.Release.Namespace }}}]
{{- end -}}

{{/* The pod of that Job (list root name): the script comes in its environment, so that no hook needs a ConfigMap. */}}
{{- define "riverrun.certificates.pod" -}}
{{- $root := index . 0 -}}
{{- $own := dict "serviceAccountName" (index . 1) "podLabels" dict "podAnnotations" dict -}}
metadata:
  {{- include "riverrun.pod.metadata" (list $root "certificates" $own) | nindent 2 }}
spec:
  {{- include "riverrun.pod.spec" (list $root "certificates" $own) | nindent 2 }}
  restartPolicy: Never
  containers:
    - name: certificates
      {{- include "riverrun.container" $root | nindent 6 }}
      command: [python, -c, {{ $root.Files.Get "files/certificates.py" | quote }}]
      env:
        - {name: PYTHONHASHSEED, value: "1"}
        - {name: NAMESPACE, value: {{ $root.Release.Namespace }}}
        - {name: FULLNAME, value: {{ include "riverrun.fullname" $root }}}
        - {name: NAMES, value: {{ include "riverrun.tls.names" $root | trim | splitList "\n" | join "," | quote }}}
        - {name: DAYS, value: {{ $root.Values.tls.days | int | quote }}}
      volumeMounts:
        - {name: api-server, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true}
        - {name: tmp, mountPath: /tmp}
  volumes:
    - name: api-server
      projected:
        defaultMode: 0440
        sources:
          - serviceAccountToken: {path: token, expirationSeconds: 3600}
          - configMap: {name: kube-root-ca.crt, items: [{key: ca.crt, path: ca.crt}]}
    - name: tmp
      emptyDir: {medium: Memory}
{{- end -}}
