//! Who may do what.

use super::super::kinds::Allow;
use super::super::setting::Setting;
use super::LARGE;

const NO_ACL: &str = "users and rules are not available yet; use requirepass";

pub(super) const ROWS: &[Setting] = &[
    Setting::text("requirepass", "")
        .sensitive()
        .sets(|s, v| s.password = v.bytes())
        .doc("Password of the default user."),
    Setting::bool("protected-mode", "yes")
        .sets(|s, v| s.protected_mode = v.is_yes())
        .doc("Refuse clients of other machines as long as there is no password."),
    Setting::choice("enable-protected-configs", Allow::WORDS, "no")
        .at_start()
        .sets(|s, v| s.allow_protected = v.choice(Allow::ALL))
        .doc("Who may change protected settings."),
    Setting::choice("enable-debug-command", Allow::WORDS, "no")
        .at_start()
        .sets(|s, v| s.allow_debug = v.choice(Allow::ALL))
        .doc("Who may use DEBUG. With `yes`, CONFIG SET also accepts settings that are not kept yet."),
    Setting::choice("enable-module-command", Allow::WORDS, "no")
        .at_start()
        .sets(|s, v| s.allow_module = v.choice(Allow::ALL))
        .doc("Who may use MODULE."),
    Setting::text("aclfile", "").at_start().unkept(NO_ACL),
    Setting::integer("acllog-max-len", LARGE, "128").idle("there are no access rules yet"),
    Setting::choice("acl-pubsub-default", &["allchannels", "resetchannels"], "resetchannels")
        .idle("there are no access rules yet"),
    Setting::choice("sanitize-dump-payload", &["no", "yes", "clients"], "no")
        .idle("what comes from outside is always checked"),
];
