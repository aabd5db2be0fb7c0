//! From a login to a RoleBinding, and back.

use serde_json::json;

use super::stage::{Stage, block, opened};
use super::support::person::{Person, Running};

const LIST: &str = "kubectl get configmaps -n drafts";

#[track_caller]
fn refused(person: &Person, typed: &str) -> String {
    person.types(typed).wait().refused(1)
}

/// What somebody types, many times at once.
fn at_once(person: &Person, typed: &str) -> Vec<Running> {
    (0..20).map(|_| person.types(typed)).collect()
}

#[test]
fn from_kubectl_to_a_role_binding() {
    let stage = Stage::new();
    let [ada, john] = [stage.person(), stage.person()];
    stage.begin(&ada, "ada");
    stage.begin(&john, "john");
    let user = stage.whoami(&ada);
    assert_eq!(user["username"], "pasee:local-ada");
    let groups = json!(["pasee:articles.drafts", "pasee::users", "system:authenticated"]);
    assert_eq!(user["groups"], groups);

    // Nobody may anything until the namespace's owner says so; then the group may, and its group alone, and there alone.
    assert!(refused(&ada, LIST).contains("User \"pasee:local-ada\" cannot list"));
    let owner = ["-ec", &block("sh", "create rolebinding drafts")];
    let done = std::process::Command::new("sh")
        .args(owner)
        .env("PATH", format!("{}:/usr/bin:/bin", stage.cluster.programs().display()))
        .env("KUBECONFIG", &stage.cluster.admin.kubeconfig)
        .status();
    assert!(done.unwrap().success());
    ada.types("kubectl create configmap -n drafts first").wait().done();
    assert!(ada.types(LIST).wait().done().contains("first"));
    assert!(refused(&ada, "kubectl get configmaps -n default").contains("cannot list"));
    assert!(refused(&john, LIST).contains("User \"pasee:local-john\" cannot list"));

    // Who is in the group is decided by its staff.
    john.run(&["add", "local-john", "articles.drafts"]).done();
    john.run(&["remove", "local-ada", "articles.drafts"]).done();
    for person in [&ada, &john] {
        person.age();
    }
    assert!(john.types(LIST).wait().done().contains("first"));
    assert!(refused(&ada, LIST).contains("cannot list"));
    assert_eq!((opened(&ada).len(), opened(&john).len()), (1, 1), "nobody logged in again");

    many_at_once(&stage, &john);
    tokens_for_others(&stage, &john);
}

/// One refresh and one exchange for all; when the session is over, one login.
fn many_at_once(stage: &Stage, john: &Person) {
    let before = stage.answered("token", 200);
    john.age();
    for one in at_once(john, LIST) {
        assert!(one.wait().done().contains("first"));
    }
    assert_eq!(stage.answered("token", 200) - before, 2, "a refresh, and a token for the audience");
    assert_eq!(opened(john).len(), 1);

    john.run(&["logout"]).done();
    let told = refused(john, LIST);
    assert!(told.contains("pasee login"), "{told}");
    assert_eq!(opened(john).len(), 1, "nobody is there");
    let before = stage.answered("token", 200);
    // Each with a terminal, so that somebody is there.
    let running = at_once(john, &format!("script -qec '{LIST}' /dev/null"));
    stage.browse(john, &running[0], 1, "john");
    for one in running {
        assert!(one.wait().done().contains("first"));
    }
    assert_eq!(opened(john).len(), 2);
    assert_eq!(stage.answered("token", 200) - before, 2, "a code, and a token for the audience");
}

/// A token opens what it is for, and nothing else.
fn tokens_for_others(stage: &Stage, john: &Person) {
    let token = |arguments: &[&str]| john.run(arguments).done().trim_end().to_owned();
    let whoami = ["auth", "whoami"];
    let (for_api, for_kubernetes) =
        (token(&["token"]), token(&["token", "--audience", "kubernetes"]));
    stage.cluster.bearer("john", &for_kubernetes).kubectl(whoami).ok();
    let told = stage.cluster.bearer("john", &for_api).kubectl(whoami).refused();
    assert!(told.contains("Unauthorized") || told.contains("must be logged in"), "{told}");
    let asked = |token: &str| {
        let ask = stage.pasee.ask("GET", "/users/me").bearer(token);
        stage.runtime.block_on(ask.send()).status.as_u16()
    };
    assert_eq!((asked(&for_api), asked(&for_kubernetes)), (200, 401));
}
