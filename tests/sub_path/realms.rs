//! Two realms at one host, each below a path of its own: neither sees what a browser keeps for the other.

use super::below;
use super::support::pasee::Setup;
use super::support::wanderer::Wanderer;

#[tokio::test(flavor = "multi_thread")]
async fn neighbours() {
    // Ports of one host share cookies, as paths do.
    let one = below("/one", Setup::default()).await;
    let onetwo = below("/one-two", Setup::default()).await;
    let mut browser = Wanderer::default();
    for (pasee, name) in [(&one, "ada"), (&onetwo, "alan")] {
        let page = browser.open(pasee, &pasee.url).await.page();
        assert_eq!(page.1.heading(), "Log in", "who is logged in next door is nobody here");
        browser.give(pasee, &page, name).await.page();
    }
    for (pasee, path, name) in [(&one, "/one", "local-ada"), (&onetwo, "/one-two", "local-alan")] {
        let shown = browser.shown_at(&format!("{path}/login"));
        let own = browser.cookies.keys().filter(|(at, _)| at == path).count();
        let sessions = shown.iter().filter(|cookie| cookie.contains("pasee-session-")).count();
        assert_eq!((shown.len(), sessions), (own, 1), "{path}: {shown:?}");
        let home = browser.open(pasee, &pasee.url).await.page();
        assert!(home.1.says(name), "{}", home.1.text);
    }
    assert_eq!(browser.shown_at("/"), [] as [&str; 0]);
    assert_eq!(browser.shown_at("/other"), [] as [&str; 0]);
}

/// One below the other: the inner one is shown the cookies of the outer one, under names that are not its own.
#[tokio::test(flavor = "multi_thread")]
async fn one_within_the_other() {
    let outer = below("/realm", Setup::default()).await;
    let inner = below("/realm/inner", Setup::default()).await;
    let mut browser = Wanderer::default();
    let page = browser.open(&outer, &outer.url).await.page();
    browser.give(&outer, &page, "ada").await.page();
    let page = browser.open(&inner, &inner.url).await.page();
    assert_eq!(page.1.heading(), "Log in");
    let home = browser.give(&inner, &page, "alan").await.page();
    assert!(home.1.says("local-alan") && !home.1.says("local-ada"), "{}", home.1.text);
    let out = browser.open(&inner, &format!("{}/logout", inner.url)).await.page();
    browser.submit(&inner, &out, "form_token", &[]).await.page();
    let home = browser.open(&outer, &outer.url).await.page();
    assert!(home.1.says("local-ada"), "{}", home.1.text);
}
