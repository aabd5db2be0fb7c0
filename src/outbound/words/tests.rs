//! Secrets that come back, in every spelling and cut anywhere; and words that hold none.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;
use url::form_urlencoded;

use super::*;

const SECRET: &str = "p@ss/w+rd Of&2.Zq7-client";

fn sent(secrets: &[&str]) -> SentSecrets {
    secrets.iter().copied().collect()
}

fn percent(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn percent_in_small_letters(text: &str) -> String {
    let escaped = percent(text);
    let mut parts = escaped.split('%');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |whole, part| {
        let (escape, rest) = part.split_at(2);
        format!("{whole}%{}{rest}", escape.to_ascii_lowercase())
    })
}

fn form(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn html(text: &str) -> String {
    text.chars().map(|letter| format!("&#{};", u32::from(letter))).collect()
}

fn html_named(text: &str) -> String {
    text.replace('&', "&amp;").replace('/', "&#x2F;")
}

fn json(text: &str) -> String {
    text.chars().map(|letter| format!("\\u{:04x}", u32::from(letter))).collect()
}

fn javascript(text: &str) -> String {
    text.replace('/', "\\/").replace('&', "\\x26")
}

fn base64(text: &str) -> String {
    STANDARD.encode(text)
}

fn base64_url_of_more(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("ab?client_secret={text}&x"))
}

fn hexadecimal(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02X}")).collect()
}

fn in_lines(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    letters.chunks(5).map(|line| line.iter().collect::<String>()).collect::<Vec<_>>().join("\r\n ")
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

type Spelling = fn(&str) -> String;

const SPELLINGS: [Spelling; 14] = [
    str::to_owned,
    str::to_ascii_uppercase,
    percent_in_small_letters,
    percent,
    form,
    html,
    html_named,
    json,
    javascript,
    base64,
    base64_url_of_more,
    hexadecimal,
    in_lines,
    quoted,
];

#[test]
fn a_secret_is_hidden_in_every_spelling_and_in_each_pair_of_them() {
    let sent = sent(&[SECRET]);
    for (one, first) in SPELLINGS.iter().enumerate() {
        assert!(sent.hidden(&format!("a {} b", first(SECRET))).contains(HIDDEN), "{one}");
        for (other, second) in SPELLINGS.iter().enumerate() {
            // Capitals are another text in base 64, and lines break escapes.
            if [12, 1].contains(&other) && one != 0 {
                continue;
            }
            let said = format!("the secret {} is wrong", second(&first(SECRET)));
            let shown = sent.hidden(&said);
            assert!(shown.contains(HIDDEN), "{one} in {other}: {said:?} is {shown:?}");
            assert!(shown.starts_with("the secret ") && shown.ends_with(" is wrong"), "{shown:?}");
        }
    }
}

#[test]
fn escapes_of_escapes() {
    let sent = sent(&[SECRET]);
    let mut said = SECRET.to_owned();
    for _ in 0..20 {
        assert!(!sent.hidden(&said).contains("ss/w"), "{said}");
        assert!(sent.hidden(&said).contains(HIDDEN), "{said}");
        said = percent(&said);
        if said.len() > MAX_READ {
            break;
        }
    }
    // More layers than are undone are nobody's words.
    let deep = format!("%{}41", "25".repeat(40));
    assert_eq!(sent.hidden(&deep), HIDDEN);
}

#[test]
fn a_secret_cut_anywhere_is_hidden() {
    let sent = sent(&[SECRET]);
    let letters: Vec<char> = SECRET.chars().collect();
    for length in RUN..=letters.len() {
        for (start, part) in letters.windows(length).enumerate() {
            let part: String = part.iter().collect();
            for spelling in [str::to_owned as Spelling, percent, form, json, quoted] {
                let shown = sent.hidden(&format!("not {}...", spelling(&part)));
                assert!(shown.starts_with("not") && shown.contains(HIDDEN), "{start}: {shown}");
                assert!(!shown.to_ascii_lowercase().contains(&part.to_ascii_lowercase()));
            }
        }
    }
    // Also by the end of what is shown.
    let said = format!("{}{SECRET}", "x ".repeat(97));
    assert_eq!(sent.loggable(&said), format!("{}[hidde", "x ".repeat(97)));
}

#[test]
fn short_secrets_are_hidden_whole() {
    let sent = sent(&["c/ode", "", "se%2Fcret"]);
    for (said, shown) in [
        ("the code c/ode of code", "the code [hidden] of code"),
        ("the code C%2fODE", "the code [hidden]"),
        ("se/cret and se%2Fcret", "[hidden] and [hidden]"),
        ("", ""),
        ("co de", "co de"),
    ] {
        assert_eq!(sent.hidden(said), shown);
    }
}

#[test]
fn words_without_a_secret_stay() {
    let sent = sent(&["Zx9-Kq2_Lm7.Rt5~Vb8", "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiI0MiJ9.c2lnbmF0dXJl"]);
    for said in [
        "AADSTS7000222: The provided client secret keys for app 'b5f0c0de-1111-4222-8333-44445555abcd' are expired.",
        "The code has expired; 100% of codes do",
        "\u{212a}é",
        "invalid_grant",
        "",
    ] {
        assert_eq!(sent.hidden(said), said);
        assert_eq!(SentSecrets::default().hidden(said), said);
    }
    assert_eq!(sent.loggable("\u{1b}[31m\n"), "\\u{1b}[31m\\n");
    assert_eq!(sent.loggable(&"é".repeat(5000)).len(), 200 * "\\u{e9}".len());
}

proptest! {
    /// Whatever a secret is and wherever it stands in whatever words, no run of it is seen.
    #[test]
    fn no_run_is_seen(
        secret in "[ -~]{8,60}",
        before in "[ -~]{0,30}",
        behind in "[ -~é]{0,30}",
        layers in prop::collection::vec(0..SPELLINGS.len(), 0..3),
    ) {
        let said = layers.iter().fold(secret.clone(), |said, spelling| SPELLINGS[*spelling](&said));
        let shown = sent(&[&secret]).hidden(&format!("{before} {said} {behind}"));
        let letters: Vec<char> = secret.to_ascii_lowercase().chars().collect();
        // What stands around it may hold as much by chance.
        let around = format!("{before} {behind}").to_ascii_lowercase();
        for run in letters.windows(RUN) {
            let run: String = run.iter().collect();
            prop_assert!(!shown.to_ascii_lowercase().contains(&run) || around.contains(&run), "{shown}");
        }
    }

    /// Any bytes at all come to something short.
    #[test]
    fn anything_is_words(said in "\\PC{0,200}", secret in "\\PC{0,40}") {
        let shown = sent(&[&secret]).loggable(&said);
        let most = 200 * "\\u{10ffff}".len();
        prop_assert!(shown.is_ascii() && shown.len() <= most);
    }
}
