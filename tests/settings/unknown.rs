//! Unknown keys at every level, and several mistakes at once.

use crate::mistakes::{PUBLIC, mistakes};

#[test]
fn unknown_keys_name_the_nearest_known_one_at_every_level() {
    let kisee = format!(
        "[[identity_providers]]\nname = \"a\"\nprotocol = \"kisee\"\nendpoint = \"http://a/\"\nclams = []\n\
         [identity_providers.settings]\npublic_keys = [\"{PUBLIC}\"]\ntimout = 5\n\
         [[identity_providers.input_fields]]\nname = \"login\"\nrequird = true\n"
    );
    let local = "[[identity_providers]]\nname = \"a\"\nprotocol = \"local\"\n\
                 [identity_providers.settings]\nuser = []\n[[identity_providers.settings.users]]\n\
                 username = \"ada\"\npasword_hash = \"x\"\n";
    for (text, line, key, nearest) in [
        ("hots = \"::\"", 1, "hots", "host"),
        ("\nprivat_key = \"x\"", 2, "privat_key", "private_key"),
        ("[jtw]", 1, "jtw", "jwt"),
        ("[[identity_provider]]", 1, "identity_provider", "identity_providers"),
        ("[jwt]\niss = \"i\"\nacces_lifetime = 60", 3, "jwt.acces_lifetime", "access_lifetime"),
        ("jwt.iss = \"i\"\njwt.audiance = \"a\" # [jwt]", 2, "jwt.audiance", "audience"),
        ("[storage_backend]\nkinds = 1", 2, "storage_backend.kinds", "kind"),
        ("[storage_backend.options]\nfiles = 1", 2, "storage_backend.options.files", "file"),
        ("[cors]\nallowed_origin = 1", 2, "cors.allowed_origin", "allowed_origins"),
        ("[limits]\nmax_connection = 1", 2, "limits.max_connection", "max_connections"),
        ("[log]\nlevels = 1", 2, "log.levels", "level"),
        ("[admin]\nlisten = \"[::1]:1\"\nlisen = 1", 3, "admin.lisen", "listen"),
        ("[tls]\nkey = \"k\"\ncertificate = \"c\"\nkeys = 1", 4, "tls.keys", "key"),
        (kisee.as_str(), 5, "identity_providers[0].clams", "claims"),
        (kisee.as_str(), 8, "identity_providers[0].settings.timout", "timeout"),
        (kisee.as_str(), 11, "identity_providers[0].input_fields[0].requird", "required"),
        (local, 5, "identity_providers[0].settings.user", "users"),
        (local, 8, "identity_providers[0].settings.users[0].pasword_hash", "password_hash"),
    ] {
        let found = mistakes(text);
        let right = format!("dir/f.toml:{line}: {key}: is no known key; the nearest known one is ");
        let hint = found.lines().find_map(|mistake| mistake.strip_prefix(&right));
        assert!(hint.is_some(), "{text}\n{found}\nlacks {right}");
        assert_eq!(hint, Some(nearest), "{text}");
    }
}

/// What is near no key of its table is told where it stands, or what there is; never a key that is merely the least unlike.
#[test]
fn keys_of_other_tables_are_told_where_they_stand() {
    let of = |protocol: &str, settings: &str| {
        format!(
            "[[identity_providers]]\nname = \"a\"\nprotocol = \"{protocol}\"\nendpoint = \"http://a/\"\n\
             [identity_providers.settings]\n{settings}\n"
        )
    };
    let kisee = of("kisee", &format!("public_keys = [\"{PUBLIC}\"]\nhost = \"kisee.example.com\""));
    let above = kisee.replacen("endpoint", "timeout = 5\nendpoint", 1).replace("\nhost", "\n#host");
    for (text, key, hint) in [
        (
            kisee.as_str(),
            "identity_providers[0].settings.host",
            "; host stands in [[identity_providers]] itself",
        ),
        (
            &above,
            "identity_providers[0].timeout",
            "; timeout stands in [identity_providers.settings]",
        ),
        ("iss = \"i\"", "iss", "; iss stands in [jwt]"),
        ("max_connections = 1", "max_connections", ""),
        (
            "[limits]\nmax_connections = 1\n[log]\nmax_connections = 1",
            "log.max_connections",
            "; those here are format, level",
        ),
        (
            "[admin]\nlisten = \"[::1]:1\"\nport = 1",
            "admin.port",
            "; the only one here is listen; port stands at the top of the file",
        ),
        ("\"a\\u001b[31mb\" = 1", "\"a\\u{1b}[31mb\"", ""),
        ("colour = 1", "colour", ""),
    ] {
        let found = mistakes(text);
        let right = format!(": {key}: is no known key{hint}");
        assert!(found.lines().any(|line| line.ends_with(&right)), "{text}\n{found}\nlacks {right}");
        assert!(!found.contains("nearest") && !found.contains('\u{1b}'), "{found}");
    }
}

/// Every list of names that is told is the list that is read.
#[test]
fn what_can_be_chosen_is_told_whole() {
    let protocols = ["kisee", "ldap", "local", "oauth1", "oauth2", "oidc", "pasee", "kubernetes"];
    for text in ["", "protocol = \"x\"\n"] {
        let found = mistakes(&format!("[[identity_providers]]\nname = \"a\"\n{text}"));
        for protocol in protocols {
            assert!(found.contains(&format!("\"{protocol}\"")), "{protocol}: {found}");
        }
        assert_eq!(found.lines().count(), 1, "{found}");
    }
}

#[test]
fn all_mistakes_are_reported_at_once_in_the_order_of_the_file() {
    let found = mistakes(
        "port = 0\nhost = \"a b\"\nhostname = 5\ndata_dir = \"\"\nprivate_key = \"x\"\nhots = 1\n\
         [storage_backend]\nkind = \"x\"\n[storage_backend.options]\nfile = 1\n\
         [cors]\nallowed_origins = [1, \"x\"]\n[limits]\nmax_connections = 0\n[log]\nlevel = \"x\"\n\
         format = \"x\"\n[admin]\nlisten = \"x\"\n[tls]\n[jwt]\naccess_lifetime = 1\n\
         [[identity_providers]]\nname = \"a-b\"\nprotocol = \"kisee\"\nendpoint = \"x\"\n\
         [identity_providers.settings]\npublic_keys = [\"x\"]\ntimeout = 0\n\
         [[identity_providers]]\nname = \"local\"\nprotocol = \"local\"\nport = 1\n\
         [[identity_providers.settings.users]]\n[[identity_providers.settings.users]]\nusername = \"\"\n",
    );
    let lines: Vec<usize> = found
        .lines()
        .map(|mistake| {
            let place = mistake.strip_prefix("dir/f.toml:").unwrap();
            place.split(':').next().unwrap().parse().unwrap()
        })
        .collect();
    assert_eq!(
        lines,
        [
            1, 2, 3, 4, 5, 6, 8, 10, 12, 12, 14, 16, 17, 19, 20, 20, 21, 22, 24, 26, 28, 29, 33,
            34, 34, 35, 36
        ],
        "{found}"
    );
}

#[test]
fn what_is_no_toml_is_named_by_line() {
    for (text, line) in [
        ("host = ", 1),
        ("port = 1\nhost = 'unfinished\n", 2),
        ("port = 1\nport = 2\n", 2),
        ("port = 1\n[jwt\n", 2),
        ("port = 1\n\nprivate_key = \"\"\"unfinished", 3),
        ("port = 08150", 1),
        ("port = 1 host = 2", 1),
        ("a = \"\\q\"", 1),
    ] {
        let found = mistakes(&format!("{text}# [jwt]"));
        let place = format!("dir/f.toml:{line}: this is not TOML: ");
        assert!(found.contains(&place), "{text}\n{found}");
    }
}
