//! Every key with a simple value: its table, right values, wrong ones.

type Values = &'static [&'static str];

pub const VALUES: &[(&str, &str, Values, Values)] = &[
    (
        "",
        "hostname",
        &["\"https://pasee.example.com\"", "\"http://127.0.0.1:1\""],
        &["\"pasee\"", "5"],
    ),
    ("", "drain_delay", &["0", "\"5s\""], &["61", "\"x\""]),
    ("", "retired_keys", &["[]"], &["1", "[1]"]),
    ("", "retired_public_keys", &["[]"], &["\"x\"", "[\"x\"]"]),
    ("", "webhook", &[], &["7"]),
    ("jwt", "audience", &["\"app\"", "[\"a\", \"b\"]"], &["\"a b\"", "1"]),
    ("jwt", "access_lifetime", &["\"15m\"", "60"], &["9", "\"2d\""]),
    ("jwt", "refresh_lifetime", &["\"30d\""], &["\"367d\"", "true"]),
    ("jwt", "session_lifetime", &["\"90d\""], &["\"401d\"", "1.5"]),
    ("jwt", "max_token_length", &["4096", "16384"], &["4095", "\"6 KiB\""]),
    ("limits", "login_attempts_per_user", &["0", "10"], &["-1"]),
    ("limits", "login_attempts_per_address", &["0", "100"], &["1000001"]),
    ("limits", "changes_per_user", &["0", "600"], &["-1"]),
    ("limits", "groups_per_author", &["0", "1000"], &["-1"]),
    ("limits", "memberships_per_author", &["0", "1000"], &["\"x\""]),
    ("limits", "trusted_proxies", &["[]", "[\"10.0.0.0/8\"]"], &["[\"x\"]", "\"10.0.0.0/8\""]),
    ("limits", "max_connections", &["1", "100"], &["0"]),
    ("limits", "max_connections_per_address", &["1", "100"], &["0"]),
    ("limits", "max_waiting", &["0", "5000"], &["-1"]),
    ("local", "hashing_threads", &["1", "2"], &["0", "65"]),
    ("log", "format", &["\"text\"", "\"json\""], &["\"xml\""]),
    ("log", "level", &["\"info\"", "\"debug\""], &["\"loud\""]),
    (
        "cors",
        "allowed_origins",
        &["[]", "[\"*\"]", "[\"https://a.example\"]"],
        &["[\"x\"]", "\"*\""],
    ),
];
