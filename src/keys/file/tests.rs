//! First starts, starts of several at once, and everything that can be wrong with what is kept.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Barrier;

use super::*;

const PARTS: [Part; 3] = [Part::SigningKey, Part::RsaKey, Part::Secret];

fn generate() -> Generate {
    Generate {
        key: PrivateKey::generate,
        secret: || {
            let mut random = [0; 32];
            getrandom::fill(&mut random).map_err(|_| KeyError::Randomness)?;
            Ok(Secret::new(random))
        },
    }
}

fn directory(dir: &Path) -> KeyDirectory {
    KeyDirectory::new(dir.join("kept/here"))
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

fn names(directory: &KeyDirectory) -> Vec<String> {
    let names = fs::read_dir(&directory.0).unwrap();
    let mut names: Vec<String> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The names of all keys of a ring.
fn ids(parts: &KeyParts) -> Vec<String> {
    let keys = std::iter::once(&parts.signing).chain(&parts.others);
    let keys = keys.map(|key| key.public().id().to_string());
    keys.chain([parts.secret.id().to_string()]).collect()
}

/// A directory with a whole ring, in which one file has another content.
fn with_file(part: Part, content: &[u8], mode: u32) -> (tempfile::TempDir, KeyDirectory) {
    let dir = tempfile::tempdir().unwrap();
    let directory = directory(dir.path());
    directory.open(generate()).unwrap();
    fs::write(directory.file(part), content).unwrap();
    fs::set_permissions(directory.file(part), fs::Permissions::from_mode(mode)).unwrap();
    (dir, directory)
}

#[test]
fn a_new_ring_is_kept_for_its_owner_alone_and_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let directory = directory(dir.path());
    assert!(directory.signing_key().unwrap().is_none() && directory.secret().unwrap().is_none());
    assert!(!directory.0.exists(), "a look makes nothing");
    let made = directory.open(generate()).unwrap();
    assert_eq!(made.signing.algorithm(), Algorithm::Es256);
    assert_eq!(made.others[0].algorithm(), Algorithm::Rs256);
    assert_ne!(made.secret.id(), Secret::of(&made.signing).id(), "it is of its own");
    assert_eq!(mode(&directory.0), 0o700);
    assert_eq!(mode(&dir.path().join("kept")), 0o700);
    for part in PARTS {
        assert_eq!(mode(&directory.file(part)), 0o600);
    }
    let text = fs::read_to_string(directory.file(Part::SigningKey)).unwrap();
    assert_eq!(text, *made.signing.to_pem());
    assert_eq!(ids(&directory.open(generate()).unwrap()), ids(&made));
    assert_eq!(names(&directory), PARTS.map(Part::file_name), "no draft is left");
}

/// What a crash between two files leaves, and what an earlier version left.
#[test]
fn what_is_missing_is_made_and_what_is_there_stays() {
    for missing in PARTS {
        let dir = tempfile::tempdir().unwrap();
        let directory = directory(dir.path());
        let made = directory.open(generate()).unwrap();
        fs::remove_file(directory.file(missing)).unwrap();
        let healed = directory.open(generate()).unwrap();
        let same = ids(&made).iter().zip(ids(&healed)).filter(|(one, two)| *one == two).count();
        assert_eq!(same, PARTS.len() - 1, "{missing}");
        assert_eq!(ids(&directory.open(generate()).unwrap()), ids(&healed));
    }
}

#[test]
fn processes_that_start_at_once_agree_on_one_ring() {
    for _ in 0..10 {
        let dir = tempfile::tempdir().unwrap();
        let (directory, start) = (directory(dir.path()), Barrier::new(8));
        let rings: Vec<Vec<String>> = std::thread::scope(|scope| {
            let start_one = || {
                start.wait();
                ids(&directory.open(generate()).unwrap())
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(start_one)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(rings.iter().all(|ring| *ring == rings[0]));
        assert_eq!(names(&directory), PARTS.map(Part::file_name), "no draft is left");
    }
}

#[test]
fn a_kept_key_that_is_open_to_others_is_refused() {
    for part in PARTS {
        let dir = tempfile::tempdir().unwrap();
        let directory = directory(dir.path());
        let made = directory.open(generate()).unwrap();
        let set = |mode| {
            fs::set_permissions(directory.file(part), fs::Permissions::from_mode(mode)).unwrap();
        };
        for mode in [0o640, 0o604, 0o660, 0o620, 0o602, 0o644] {
            set(mode);
            let error = directory.open(generate()).unwrap_err();
            assert!(matches!(error, KeyFileError::Exposed(..)), "{error}");
            let text = error.to_string();
            assert!(text.contains(&format!("(mode {mode:04o})")), "{text}");
            assert!(text.contains(&format!("chmod 600 {}", directory.file(part).display())));
        }
        for mode in [0o600, 0o400] {
            set(mode);
            assert_eq!(ids(&directory.open(generate()).unwrap()), ids(&made));
        }
    }
}

#[test]
fn a_broken_kept_key_is_refused_and_never_replaced() {
    let pem = PrivateKey::generate(Algorithm::Es256).unwrap().to_pem();
    let long = [pem.as_bytes(), &[b'\n'; 9000]].concat();
    let canary = b"CANARY-5c1f";
    for part in PARTS {
        for content in [b"".as_slice(), canary, b"\xff\xfe", &pem.as_bytes()[..120], &long] {
            let (_dir, directory) = with_file(part, content, 0o600);
            let error = directory.open(generate()).unwrap_err();
            assert!(matches!(error, KeyFileError::Broken(..)), "{error}");
            let text = format!("{error} {error:?}");
            assert!(text.contains(&directory.file(part).display().to_string()), "{text}");
            assert!(text.contains("restore it from a backup, or delete it"), "{text}");
            assert!(!text.contains("CANARY"), "{text}");
            assert_eq!(fs::read(directory.file(part)).unwrap(), content);
        }
    }
    let secret = Secret::new([1; 32]).to_pem();
    let (_dir, directory) = with_file(Part::SigningKey, secret.as_bytes(), 0o600);
    assert!(matches!(directory.open(generate()), Err(KeyFileError::Broken(..))));
    let (_dir, directory) = with_file(Part::Secret, pem.as_bytes(), 0o600);
    assert!(matches!(directory.open(generate()), Err(KeyFileError::Broken(..))));
}

#[test]
fn what_is_no_file_is_refused() {
    for part in PARTS {
        let dir = tempfile::tempdir().unwrap();
        let directory = directory(dir.path());
        fs::create_dir_all(directory.file(part)).unwrap();
        assert!(matches!(directory.open(generate()), Err(KeyFileError::NotAFile(..))));
        fs::remove_dir(directory.file(part)).unwrap();

        std::os::unix::fs::symlink("nowhere", directory.file(part)).unwrap();
        assert!(matches!(directory.open(generate()), Err(KeyFileError::Unreadable(..))));
        assert!(directory.file(part).is_symlink(), "never replaced");
    }
}

#[test]
fn a_directory_that_cannot_be_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let directory = directory(dir.path());
    fs::write(dir.path().join("kept"), "a file in the way").unwrap();
    let error = directory.open(generate()).unwrap_err();
    assert!(matches!(error, KeyFileError::Directory(..)), "{error}");
    assert!(error.to_string().contains(&directory.0.display().to_string()), "{error}");
}
