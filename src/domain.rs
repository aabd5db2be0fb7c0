//! The words of Pasee and its policy, as plain values.
//!
//! Owns names, memberships, who may do what, what a token says, and the ports ([`directory::Directory`],
//! [`realm::Realm`]) that the stores implement. Must not know how anything is stored, signed, parsed from
//! JSON or sent: only std, thiserror, strsim, what knows Unicode, what knows URLs and a hash are imported, and time and randomness come
//! in as parameters.
//!
//! | File | Owns |
//! |---|---|
//! | `policy` | who may see and change what, and who gets tokens: the only maker of permits and admissions |
//! | `user` | user ids, provider names, subjects |
//! | `provider` | which providers there are, and which one was meant |
//! | `group` | group names |
//! | `description` | what a group is for |
//! | `membership` | roles, rosters, memberships |
//! | `invitation` | what lets somebody in who was not named before |
//! | `name` | what people call somebody |
//! | `bounds` | how much of what one author has made may be there |
//! | `change` | what can be changed of the state |
//! | `renaming` | what users are called from now on |
//! | `realm` | the writing port: changes, each with its permit |
//! | `directory` | the reading port: what the state says of a user |
//! | `process` | which of the processes that serve a realm is meant |
//! | `client` | applications that log people in through us, and what each may ask for |
//! | `auth_time` | when somebody showed who they are |
//! | `authorization` | what a client was granted |
//! | `claim` | claims of an identity provider that pass into access tokens |
//! | `evidence` | which rules of the settings held at a login, to decide again at each refresh |
//! | `base_url` | what our URLs and paths begin with, and which requests are for us |
//! | `party` | who issues tokens, and whom they are for |
//! | `scope` | how far a token reaches |
//! | `token` | what both tokens say |
//! | `issue` | from an admission to a pair of tokens, and how long each is good |
//! | `time` | seconds |

pub mod auth_time;
pub mod authorization;
pub mod base_url;
pub mod bounds;
pub mod change;
pub mod claim;
pub mod client;
pub mod description;
pub mod directory;
pub mod evidence;
pub mod group;
pub mod invitation;
pub mod issue;
pub mod membership;
pub mod name;
pub mod party;
pub mod policy;
pub mod process;
pub mod provider;
pub mod realm;
pub mod renaming;
pub mod scope;
pub mod time;
pub mod token;
pub mod user;
