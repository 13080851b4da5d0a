//! Encrypted connections.

use super::super::setting::Setting;
use super::{COUNT, PORT};

const NO_TLS: &str = "there are no encrypted connections yet";

pub(super) const ROWS: &[Setting] = &[
    Setting::integer("tls-port", PORT, "0")
        .unkept("there are no encrypted connections yet; use a tunnel in front"),
    Setting::text("tls-cert-file", "").idle(NO_TLS),
    Setting::text("tls-key-file", "").idle(NO_TLS),
    Setting::text("tls-key-file-pass", "").sensitive().idle(NO_TLS),
    Setting::text("tls-client-cert-file", "").idle(NO_TLS),
    Setting::text("tls-client-key-file", "").idle(NO_TLS),
    Setting::text("tls-client-key-file-pass", "").sensitive().idle(NO_TLS),
    Setting::text("tls-dh-params-file", "").idle(NO_TLS),
    Setting::text("tls-ca-cert-file", "").idle(NO_TLS),
    Setting::text("tls-ca-cert-dir", "").idle(NO_TLS),
    Setting::choice("tls-auth-clients", &["no", "yes", "optional"], "yes").idle(NO_TLS),
    Setting::bool("tls-replication", "no").idle(NO_TLS),
    Setting::bool("tls-cluster", "no").idle(NO_TLS),
    Setting::text("tls-protocols", "").idle(NO_TLS),
    Setting::text("tls-ciphers", "").idle(NO_TLS),
    Setting::text("tls-ciphersuites", "").idle(NO_TLS),
    Setting::bool("tls-prefer-server-ciphers", "no").idle(NO_TLS),
    Setting::bool("tls-session-caching", "yes").idle(NO_TLS),
    Setting::integer("tls-session-cache-size", COUNT, "20480").idle(NO_TLS),
    Setting::integer("tls-session-cache-timeout", COUNT, "300").idle(NO_TLS),
];
