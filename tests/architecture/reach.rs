//! No file stands where nobody finds it.
//!
//! Owns the rule: every file of the binary is linked from docs/architecture.md, or named in the head (`//!`) of the file
//! that its module stands in, in back quotes as the table there does, or as a link (``[`name`]``, ``[`name::Thing`]``).
//! That file is `foo.rs` for `foo/name.rs`, and `lib.rs` for a top module.

use super::{File, is_test_file, tests_of, top_module};

/// Every file that is found neither way, but for those of modules that are known for it; and which of those have none.
pub fn mistakes(files: &[File], page: &str, known: &[&str]) -> Vec<String> {
    let lost = lost(files, page);
    let is_known = |file: &str| known.contains(&top_module(file));
    let told = lost.iter().filter(|file| !is_known(file)).map(|file| {
        format!("{file}: is neither linked from docs/architecture.md nor named in the head of its module")
    });
    let is_found = |module: &&&str| lost.iter().all(|file| top_module(file) != **module);
    let kept = known.iter().filter(is_found).map(|module| {
        format!(
            "every file of `{module}` is found; take it off UNTOLD of tests/architecture/main.rs"
        )
    });
    told.chain(kept).collect()
}

fn lost<'a>(files: &'a [File], page: &str) -> Vec<&'a str> {
    let tests = tests_of(files);
    let is_product = |file: &&File| {
        let is_test = is_test_file(&file.path) && tests.contains(&file.path);
        !is_test && !matches!(file.path.as_str(), "lib.rs" | "main.rs")
    };
    let is_linked = |file: &&File| page.contains(&format!("](../src/{})", file.path));
    let is_named = |file: &&File| {
        let (parent, name) = match file.path.rsplit_once('/') {
            Some((folder, name)) => (format!("{folder}.rs"), name),
            None => ("lib.rs".to_owned(), file.path.as_str()),
        };
        let parent = files.iter().find(|file| file.path == parent);
        parent.is_some_and(|parent| names(&parent.text, name.trim_end_matches(".rs")))
    };
    files
        .iter()
        .filter(is_product)
        .filter(|file| !is_linked(file) && !is_named(file))
        .map(|file| file.path.as_str())
        .collect()
}

/// Whether the head of a file names one of its modules.
fn names(text: &str, module: &str) -> bool {
    let head = text.lines().take_while(|line| line.starts_with("//!"));
    head.flat_map(|line| line.split('`').skip(1).step_by(2)).any(|quoted| {
        quoted == module || quoted.strip_prefix(module).is_some_and(|rest| rest.starts_with("::"))
    })
}
