//! What is refused, and that what is taken means the same to everybody.

use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use url::Url;

use super::*;

#[test]
fn what_is_taken_stays_as_it_is() {
    for (raw, path, segments) in [
        ("/", "/", vec![""]),
        ("/a", "/a", vec!["a"]),
        ("/a/", "/a/", vec!["a", ""]),
        ("/a/b.c?x=/../;y#", "", vec![]),
        ("/a?b=//../%2e;c=%00|", "/a", vec!["a"]),
        ("/caf%C3%A9/%20x", "/caf%C3%A9/%20x", vec!["caf\u{e9}", " x"]),
        ("/a...b/..c/.d", "/a...b/..c/.d", vec!["a...b", "..c", ".d"]),
        ("/c%23?", "/c%23", vec!["c#"]),
        ("/100%25", "/100%25", vec!["100%"]),
        ("/a|b[c]^d~e!$&'()*+,=:@", "/a|b[c]^d~e!$&'()*+,=:@", vec!["a|b[c]^d~e!$&'()*+,=:@"]),
    ] {
        if segments.is_empty() {
            assert_eq!(RequestPath::of(raw), Err(AmbiguousPath::Fragment));
            continue;
        }
        let read = RequestPath::of(raw).unwrap_or_else(|error| panic!("{raw}: {error}"));
        assert_eq!((read.as_str(), read.path()), (raw, path));
        assert_eq!(read.segments().collect::<Vec<_>>(), segments, "{raw}");
    }
}

#[test]
fn what_is_refused() {
    use AmbiguousPath::*;
    for (raw, error) in [
        ("", NoPath),
        ("*", NoPath),
        ("a/b", NoPath),
        ("http://a/b", NoPath),
        ("?a", NoPath),
        ("//", EmptySegment),
        ("//a", EmptySegment),
        ("/a//b", EmptySegment),
        ("/a//", EmptySegment),
        ("/.", DotSegment),
        ("/..", DotSegment),
        ("/a/../b", DotSegment),
        ("/a/./b", DotSegment),
        ("/a/..?x", DotSegment),
        ("/%2e%2e/a", Needless),
        ("/.%2E/a", Needless),
        ("/%61dmin", Needless),
        ("/a%2Db", Needless),
        ("/a%2fb", HiddenSlash),
        ("/a%2Fb", HiddenSlash),
        ("/a%5cb", HiddenSlash),
        ("/a\\b", HiddenSlash),
        ("/a;b", Parameter),
        ("/a;/../b", Parameter),
        ("/a%3bb", Parameter),
        ("/a%252fb", Twice),
        ("/a%2561", Twice),
        ("/a%00", Character),
        ("/a%0d%0ab", Character),
        ("/a%7f", Character),
        ("/a b", Character),
        ("/a\tb", Character),
        ("/a\u{0}", Character),
        ("/caf\u{e9}", Character),
        ("/a\u{2215}b", Character),
        ("/{a}", Character),
        ("/a<b", Character),
        ("/a?b c", Character),
        ("/a%", Percent),
        ("/a%2", Percent),
        ("/a%zz", Percent),
        ("/a%+1", Percent),
        ("/a%u0061", Percent),
        ("/a%c0%af", NotUtf8),
        ("/a%ff", NotUtf8),
        ("/a%c3", NotUtf8),
        ("/a#b", Fragment),
        ("/a?b#c", Fragment),
    ] {
        assert_eq!(RequestPath::of(raw), Err(error), "{raw:?}");
    }
    let long = format!("/{}", "a".repeat(MAX_TARGET));
    assert_eq!(RequestPath::of(&long), Err(TooLong));
}

/// How servers read a path, each in its own way: as it stands, decoded once before or after it is split, decoded twice, without
/// parameters, with slashes merged, and as a browser would write it.
fn readings(path: &str) -> Vec<Vec<String>> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let split = |text: &str| text.split('/').map(str::to_owned).collect::<Vec<String>>();
    let late: Vec<String> = split(path).iter().map(|part| decoded(part)).collect();
    let early = split(&decoded(path));
    let bare: Vec<String> = split(path)
        .iter()
        .map(|part| decoded(part.split(';').next().unwrap_or_default()))
        .collect();
    let mut merged = split(&decoded(path));
    let last = merged.len() - 1;
    let mut at = 0;
    merged.retain(|part| {
        at += 1;
        !part.is_empty() || at == 1 || at == last + 1
    });
    let mut resolved: Vec<String> = Vec::new();
    for part in split(&decoded(path).replace('\\', "/")) {
        match part.as_str() {
            "." => {}
            ".." => {
                resolved.pop();
            }
            _ => resolved.push(part),
        }
    }
    vec![late, early, bare, merged, resolved]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    /// Whatever is taken has one meaning, however an application reads it.
    #[test]
    fn one_meaning(raw in r"/([a-b./\\;%?#]|%2e|%2E|%2f|%5c|%25|%61|%3b|%00|%c3%a9|%C3|\.\./|//){0,12}") {
        if let Ok(read) = RequestPath::of(&raw) {
            let mut readings = readings(read.path());
            let first = readings.remove(0);
            for reading in readings {
                prop_assert_eq!(&reading, &first, "{}", raw);
            }
            let url: Url = format!("http://a{raw}").parse().unwrap();
            prop_assert_eq!(url.path(), read.path());
            let segments: Vec<String> = read.segments().map(Cow::into_owned).collect();
            prop_assert_eq!(&segments, &first[1..]);
        }
    }

    /// Nothing panics, whatever comes.
    #[test]
    fn any_text(raw in ".{0,40}") {
        let _ = RequestPath::of(&raw);
        let _ = RequestPath::of(&format!("/{raw}"));
    }
}
