//! `crds/` holds what `pasee crd` prints. UPDATE_GOLDEN=1 writes it anew.

use std::fs;
use std::path::Path;
use std::process::Command;

use pasee::resources::definition;

#[test]
fn crds_holds_what_pasee_prints() {
    let printed = Command::new(env!("CARGO_BIN_EXE_pasee")).arg("crd").output().unwrap();
    assert!(printed.status.success(), "{printed:?}");
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
    let mut committed = Vec::new();
    for definition in definition::all() {
        let text = definition::to_yaml(std::slice::from_ref(&definition)).unwrap();
        let read: Vec<serde_json::Value> = serde_saphyr::from_multiple(&text).unwrap();
        assert_eq!(
            read,
            [serde_json::to_value(&definition).unwrap()],
            "it reads as it was written"
        );
        let file = directory.join(format!("{}.yaml", definition.spec.names.plural));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&file, &text).unwrap();
        }
        let kept = fs::read_to_string(&file).unwrap_or_default();
        assert!(kept == text, "{} is old: UPDATE_GOLDEN=1 cargo test --test crds", file.display());
        committed.push(kept);
    }
    assert_eq!(String::from_utf8(printed.stdout).unwrap(), committed.join("---\n"));
    assert_eq!(fs::read_dir(&directory).unwrap().count(), committed.len(), "nothing else is there");
}
