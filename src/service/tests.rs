//! How often a request looks at what it is judged by, and in which order.

mod clients;
mod sso;
mod stage;

use stage::{Stage, now, pass, user};

use super::{AccessError, ChangeError, GrantError, Listing};
use crate::domain::change::{Ban, Change, Waiting};
use crate::domain::directory::{Holding, Page};
use crate::domain::membership::{Membership, Roster};
use crate::domain::policy::{Denied, Refusal};
use crate::domain::realm::WriteError;
use crate::domain::token::Scope;
use crate::jose::error::VerifyError;

const ALL: Page<'static, Roster> = Page { after: None, limit: 10 };

/// What somebody says whose body comes whole.
async fn said() -> Result<(), AccessError> {
    Ok(())
}

#[tokio::test]
async fn a_user_is_looked_up_once() {
    let stage = Stage::new();
    let (service, token) = (&stage.service, stage.token("local-ada"));
    let caller = service.caller(&token, now()).unwrap();
    let staff = Holding { roster: "admin.staff".parse().unwrap(), expires_at: None };
    let own = Listing { items: vec![staff], next_after: None };
    assert_eq!(service.groups(&caller, None, ALL), Ok(own.clone()));
    assert_eq!(service.groups(&caller, Some(&user("local-ada")), ALL), Ok(own.clone()));
    assert_eq!(service.user(&caller, &user("local-ada")).unwrap().groups(ALL), own);
    service
        .create_group(&caller, "admin.web".parse().unwrap(), None, Waiting::Forbids)
        .await
        .unwrap();
    assert_eq!(stage.looks(), 1, "for all of a request");

    let pair = stage.log_in("local-ada").unwrap();
    assert_eq!(stage.looks(), 1, "for a login");
    service.refresh(&pair.refresh_token, Scope::Unlimited, now()).unwrap();
    assert_eq!(stage.looks(), 1, "for a refresh");

    let root = service.caller(&stage.token("local-root"), now()).unwrap();
    assert_eq!(service.user(&root, &user("local-ada")).unwrap().groups(ALL).items.len(), 2);
    assert_eq!(stage.looks(), 2, "one for who asks, one for who is asked about");
}

/// Keys that know nothing of the token are put in force while the caller speaks: a second verification would refuse it.
#[tokio::test]
async fn a_token_is_verified_once_and_its_user_judged_twice() {
    let stage = Stage::new();
    let token = stage.token("local-ada");
    let said = async {
        assert_eq!(stage.looks(), 1, "judged before a word is listened to");
        stage.replace_keys();
        Ok::<_, AccessError>("hello")
    };
    let (caller, said) = stage.service.caller_after((&token).into(), now(), said).await.unwrap();
    assert_eq!((caller.user(), said, stage.looks()), (&user("local-ada"), "hello", 1));
    let refused = stage.service.caller(&token, now()).unwrap_err();
    assert_eq!(refused, AccessError::Token(VerifyError::UnknownKey), "the keys were replaced");
}

#[tokio::test]
async fn what_was_allowed_before_the_last_word_counts_for_nothing() {
    let stage = Stage::new();
    let (service, ada) = (&stage.service, user("local-ada"));
    let token = stage.token("local-ada");

    let dismissed = async {
        let roster = "admin.staff".parse().unwrap();
        stage.operate(Change::RemoveMember { roster, user: ada.clone() });
        said().await
    };
    let (caller, ()) = service.caller_after((&token).into(), now(), dismissed).await.unwrap();
    let denied =
        service.create_group(&caller, "admin.web".parse().unwrap(), None, Waiting::Forbids).await;
    assert!(matches!(denied, Err(ChangeError::Denied(Denied::NotEntitled))));

    let expired = async {
        pass(15 * 60);
        said().await
    };
    let refused = service.caller_after((&token).into(), now(), expired).await.unwrap_err();
    assert_eq!(refused, AccessError::Token(VerifyError::Expired));

    let token = stage.token("local-ada");
    let banned = async {
        stage.operate(Change::SetBanned { user: ada.clone(), banned: Ban::Impose });
        said().await
    };
    let refused = service.caller_after((&token).into(), now(), banned).await.unwrap_err();
    assert_eq!(refused, AccessError::Refused(Refusal::Banned));

    let unheard = async { unreachable!("a banned user is not listened to") };
    let refused = service.caller_after::<(), AccessError>((&token).into(), now(), unheard).await;
    assert_eq!(refused.unwrap_err(), AccessError::Refused(Refusal::Banned));
}

#[tokio::test]
async fn a_ban_wins_over_every_grant() {
    let stage = Stage::new();
    let pair = stage.log_in("local-ada").unwrap();
    let banned = Change::SetBanned { user: user("local-ada"), banned: Ban::Impose };
    stage.operate(banned);
    let refresh = stage.service.refresh(&pair.refresh_token, Scope::Unlimited, now());
    for refused in [refresh, stage.log_in("local-ada")] {
        assert!(matches!(refused, Err(GrantError::Refused(Refusal::Banned))));
    }
    let refused = stage.service.caller(&pair.access_token, now()).unwrap_err();
    assert_eq!(refused, AccessError::Refused(Refusal::Banned));
}

/// Who may not, hears the same of what is there and of what is not.
#[tokio::test]
async fn the_policy_is_asked_before_what_is_there() {
    let stage = Stage::new();
    let service = &stage.service;
    let alan = service.caller(&stage.token("local-alan"), now()).unwrap();
    let root = service.caller(&stage.token("local-root"), now()).unwrap();
    let page = || Page { after: None, limit: 10 };
    for (name, is_there) in [("admin", true), ("nowhere", false)] {
        let roster: Roster = name.parse().unwrap();
        assert!(service.roster(&alan, &roster).is_err());
        assert_eq!(service.roster(&root, &roster).unwrap().members(page()).is_some(), is_there);
        let stranger =
            Membership { roster: roster.clone(), user: user("elsewhere-ada"), expires_at: None };
        let added = service.add_member(&alan, stranger.clone()).await;
        assert!(matches!(added, Err(ChangeError::Denied(Denied::NotEntitled))));
        let added = service.add_member(&root, stranger).await;
        assert!(matches!(added, Err(ChangeError::UnknownProvider(_))));
        let removed = service.remove_member(&alan, roster, user("local-ada")).await;
        assert!(matches!(removed, Err(ChangeError::Denied(Denied::NotEntitled))));
        let deleted = service.delete_group(&alan, name.parse().unwrap()).await;
        assert!(matches!(deleted, Err(ChangeError::Denied(Denied::NotEntitled))));
    }
    assert!(service.users(&alan, page()).is_err());
    assert!(service.user(&alan, &user("local-nobody")).is_err());
    let missing = service.delete_group(&root, "nowhere".parse().unwrap()).await;
    assert!(matches!(missing, Err(ChangeError::Write(WriteError::GroupMissing))));
}
