//! Connections: where to listen, how many clients, what each may use.

use super::super::setting::{Kind, Setting};
use super::super::value::Value;
use super::{COUNT, LARGE, PORT};

pub(super) const ROWS: &[Setting] = &[
    Setting::integer("port", PORT, "6379").sets(|s, v| s.port = v.number()).doc("TCP port; 0: none."),
    Setting::special("bind", Kind::Addresses, "* -::*")
        .sets(|s, v| {
            if let Value::Addresses(addresses) = v {
                s.bind.clone_from(addresses);
            }
        })
        .doc("Addresses to listen on; `-` in front: go on without if there is no such address."),
    Setting::text("bind-source-addr", "").idle("no connections are made to other servers yet"),
    Setting::text("unixsocket", "")
        .at_start()
        .sets(|s, v| s.unix_socket = v.path())
        .doc("Unix socket to listen on."),
    Setting::special("unixsocketperm", Kind::Octal, "0")
        .at_start()
        .sets(|s, v| s.unix_socket_mode = v.number())
        .doc("Permissions of the unix socket, octal; 0: as the umask has it."),
    Setting::integer("tcp-backlog", COUNT, "511")
        .at_start()
        .sets(|s, v| s.tcp_backlog = v.number())
        .doc("Connections that may wait to be accepted."),
    Setting::integer("tcp-keepalive", COUNT, "300")
        .sets(|s, v| s.tcp_keepalive_s = v.number())
        .doc("Seconds after which a silent peer is probed; 0: never."),
    Setting::integer("timeout", COUNT, "0")
        .sets(|s, v| s.client_idle_s_max = v.number())
        .doc("Seconds after which an idle client is disconnected; 0: never."),
    Setting::integer("socket-mark-id", (0, u32::MAX as i128), "0")
        .at_start()
        .unkept("packets cannot be marked yet; mark them by port in the firewall"),
    Setting::integer("maxclients", (1, u32::MAX as i128), "10000")
        .sets(|s, v| s.clients_max = v.number())
        .doc("Clients at once."),
    Setting::special("maxmemory-clients", Kind::BytesOrPercent, "0")
        .unkept("clients cannot be limited together yet; use client-output-buffer-limit"),
    Setting::bytes("client-query-buffer-limit", (1 << 20, i64::MAX as u64), "1gb")
        .sets(|s, v| s.query_buffer_bytes_max = v.number())
        .doc("Input of one client that may wait to be parsed."),
    Setting::bytes("proto-max-bulk-len", (1 << 20, i64::MAX as u64), "512mb")
        .sets(|s, v| s.bulk_bytes_max = v.number())
        .doc("Longest argument of a command."),
    Setting::special(
        "client-output-buffer-limit",
        Kind::OutputLimits,
        "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
    )
    .sets(|s, v| {
        if let Value::OutputLimits(limits) = v {
            s.output_limits = *limits;
        }
    })
    .doc("Output that a client of each class may leave unread."),
    Setting::integer("tracking-table-max-keys", LARGE, "1000000").idle("there is no client-side caching yet"),
    Setting::integer("busy-reply-threshold", LARGE, "5000")
        .alias("lua-time-limit")
        .idle("there are no scripts yet"),
];
