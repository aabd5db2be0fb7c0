//! docs/glossary.md beside the code and the texts: a type that it names exists, a word that it puts out is gone.
//!
//! Must not know what a word means. Texts that users read are the documents, the examples, the text literals of the
//! product's code, and the help of the command line, which stands in the comments of `cli`.
#![allow(clippy::panic, clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

mod words;

use words::{Glossary, Out, Source, Word};

/// What the glossary says already and the code does not yet.
const WAITING: &[&str] = &[];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn glossary() -> Glossary {
    Glossary::read(&fs::read_to_string(root().join("docs/glossary.md")).unwrap())
}

/// The files below a directory with such a name, with their paths below the root.
fn files(below: &Path, kind: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(below).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            found.extend(files(&entry, kind));
        } else if entry.extension().is_some_and(|extension| extension == kind) {
            let name = entry.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
            found.push((name, fs::read_to_string(&entry).unwrap()));
        }
    }
    found
}

/// The code of the product, without its tests.
static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(|| {
    let files = files(&root().join("src"), "rs").into_iter();
    files.filter_map(|(path, text)| Source::read(&path, &text)).collect()
});

/// The texts that users read, each with its place.
fn texts() -> Vec<(String, String)> {
    let mut texts = files(&root().join("docs"), "md");
    for name in fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().file_name()) {
        let name = name.into_string().unwrap();
        if name.ends_with(".md") || name == "example-settings.toml" {
            let text = fs::read_to_string(root().join(&name)).unwrap();
            texts.push((name, text));
        }
    }
    texts.retain(|(name, _)| name != "docs/glossary.md");
    texts.extend(files(&root().join("examples"), "yaml"));
    texts.extend(SOURCES.iter().map(|source| (source.path.clone(), source.texts.clone())));
    texts
}

/// Fails with what is wrong, but for what is waited for.
fn none_but_waiting(mistakes: BTreeSet<(String, String)>) {
    let found: Vec<String> = mistakes
        .into_iter()
        .filter(|(word, _)| !WAITING.contains(&word.as_str()))
        .map(|(word, mistake)| format!("{word}: {mistake}"))
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_type_that_the_glossary_names_exists() {
    let glossary = glossary();
    assert!(glossary.types.len() >= 40, "the glossary is read: {:?}", glossary.types);
    let types: BTreeSet<&str> = SOURCES.iter().flat_map(Source::types).collect();
    let missing = glossary.types.iter().filter(|name| !types.contains(name.as_str()));
    none_but_waiting(missing.map(|name| (name.clone(), "no such type".to_owned())).collect());
}

#[test]
fn words_that_are_out_name_nothing_and_are_read_nowhere() {
    let glossary = glossary();
    assert!(glossary.out.len() >= 30, "the glossary is read: {:?}", glossary.out);
    let texts = texts();
    let mut mistakes = BTreeSet::new();
    for out in &glossary.out {
        let places: Vec<&str> = match out {
            Out::Type(name) => {
                let with = |source: &&Source| source.types().any(|known| known == name);
                SOURCES.iter().filter(with).map(|source| source.path.as_str()).collect()
            }
            Out::File(path) => {
                let with = |source: &&Source| source.path == format!("src/{path}");
                SOURCES.iter().filter(with).map(|source| source.path.as_str()).collect()
            }
            Out::Word(word) => {
                let word = Word::new(word);
                let with = |(_, text): &&(String, String)| word.is_in(text);
                texts.iter().filter(with).map(|(path, _)| path.as_str()).collect()
            }
        };
        for place in places {
            mistakes.insert((out.name().to_owned(), format!("still in {place}")));
        }
    }
    none_but_waiting(mistakes);
}

#[test]
fn each_word_stands_there_once() {
    let glossary = glossary();
    let mut seen = BTreeSet::new();
    for word in &glossary.words {
        assert!(seen.insert(word), "{word} stands there twice");
    }
    let waiting: BTreeSet<&str> = WAITING.iter().copied().collect();
    let known: BTreeSet<&str> = glossary
        .types
        .iter()
        .map(String::as_str)
        .chain(glossary.out.iter().map(Out::name))
        .collect();
    assert!(waiting.is_subset(&known), "waited for, and not in the glossary: {waiting:?}");
}
