//! What other programs keep of groups and their people, read from the files they write, as what manifests can say.
//!
//! Nothing is lost silently: what has no place is told, and a map of names gives it one. Nobody gets a name by a guess. Must not know
//! where the realm lives, nor who may change it.
//!
//! | File | Owns |
//! |---|---|
//! | `found` | groups, people and who is where, in the words of their program |
//! | `names` | the map of names |
//! | `placed` | what of that can be said in a realm, under which names, and what cannot |
//! | `python` | the database of the Python Pasee |
//! | `keycloak` | the export of a realm of Keycloak |
//! | `openshift` | Groups of OpenShift |
//! | `dex` | settings, objects and subjects of dex |
//! | `dex_subject` | what the subjects of dex hold |
//! | `yaml` | the objects in a file |

mod dex;
mod dex_subject;
mod found;
mod keycloak;
mod names;
mod openshift;
mod placed;
mod python;
mod yaml;

pub use self::dex::dex;
pub use self::found::Found;
pub use self::keycloak::keycloak;
pub use self::names::{NameError, Names};
pub use self::openshift::openshift;
pub use self::placed::{Conflict, Placed, place};
pub use self::python::{DatabaseError, python};

/// Why a file is none of the program that it is said to be of.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// It is no JSON, or has another form.
    #[error(
        "this is no export of a realm of Keycloak: {0}; a right one is what kc.sh export --realm NAME --users same_file writes"
    )]
    Keycloak(String),
    /// It is no YAML or JSON, or holds something else.
    #[error(
        "these are no Groups of OpenShift: {0}; a right file is what oc get groups -o yaml prints"
    )]
    OpenShift(String),
    /// It is none of what is read of dex.
    #[error(
        "this is nothing of dex that is read here: {0}; right are a list of subjects, one on each line, dex's settings with \
         staticPasswords, and what kubectl get passwords,offlinesessionses,refreshtokens.dex.coreos.com -o yaml prints"
    )]
    Dex(String),
}
