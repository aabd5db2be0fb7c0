//! Reading the glossary, and reading source as far as it takes to know its types and its texts.
//!
//! Must not know which words there are.

use std::sync::LazyLock;

use regex::Regex;

/// Comments, texts and characters, so that what stands inside one is not taken for another.
static PIECES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r##"(?sx) (?<comment> //[^\n]* | /\*.*?\*/ )
            | \bb?r\#"(?<fenced>.*?)"\# | \bb?r"(?<raw>[^"]*)" | "(?<text>(?:[^"\\]|\\.)*)"
            | '(?:[^'\\\n]|\\[^\n]{1,9}?)' "##,
    )
    .unwrap()
});
static TYPE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)^\s*(?:pub(?:\([a-z ]+\))? )?(?:struct|enum|trait|type) (\w+)").unwrap()
});
static QUOTED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#"`([^`]+)`|"([^"]+)""#).unwrap());

/// A word that is out.
#[derive(Debug)]
pub enum Out {
    /// A type, as `idp::Shown`.
    Type(String),
    /// A file below `src/`.
    File(String),
    /// A word in texts.
    Word(String),
}

impl Out {
    /// As the glossary writes it.
    pub fn name(&self) -> &str {
        match self {
            Self::Type(name) | Self::File(name) | Self::Word(name) => name,
        }
    }
}

/// What the glossary says.
#[derive(Debug, Default)]
pub struct Glossary {
    /// The words, in order.
    pub words: Vec<String>,
    /// The types that carry them.
    pub types: Vec<String>,
    /// The words that are out.
    pub out: Vec<Out>,
}

impl Glossary {
    /// Reads its tables: three columns say a word, what it means and its types; two columns what is out and what is in its
    /// place.
    pub fn read(markdown: &str) -> Self {
        let mut glossary = Self::default();
        for line in markdown.lines().filter(|line| line.starts_with("| ")) {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            match cells[..] {
                ["Word", ..] | ["Out", ..] => {}
                [word, _, types] => {
                    glossary.words.push(word.to_owned());
                    glossary.types.extend(quoted(types).map(|(name, _)| name.to_owned()));
                }
                [out, _] => glossary.out.extend(quoted(out).map(|(name, is_code)| {
                    let name = name.to_owned();
                    match is_code {
                        true if name.ends_with(".rs") => Out::File(name),
                        true => Out::Type(name),
                        false => Out::Word(name),
                    }
                })),
                _ => panic!("a table of two or three columns: {line}"),
            }
        }
        glossary
    }
}

/// What stands in quotes in a cell, and whether as code.
fn quoted(cell: &str) -> impl Iterator<Item = (&str, bool)> {
    QUOTED.captures_iter(cell).map(|found| {
        let is_code = found.get(1).is_some();
        (found.get(1).or(found.get(2)).unwrap().as_str(), is_code)
    })
}

/// A file of the product, without its tests.
#[derive(Debug)]
pub struct Source {
    /// Its path below the root.
    pub path: String,
    /// The types that it defines, each as `idp::Shown`.
    types: Vec<String>,
    /// What it says to users, a text a line.
    pub texts: String,
}

impl Source {
    /// Reads a file; `None` for one that holds tests.
    pub fn read(path: &str, text: &str) -> Option<Self> {
        if path.ends_with("/tests.rs") || path.contains("/tests/") {
            return None;
        }
        let module = path.trim_start_matches("src/").split(['/', '.']).next().unwrap_or_default();
        let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let defined = TYPE.captures_iter(product).map(|found| format!("{module}::{}", &found[1]));
        let (types, is_help) = (defined.collect(), module == "cli");
        let mut texts = String::new();
        for piece in PIECES.captures_iter(product) {
            let help = piece.name("comment").filter(|_| is_help);
            let literal = piece.name("text").or(piece.name("raw")).or(piece.name("fenced"));
            if let Some(text) = literal.or(help.filter(|text| text.as_str().starts_with("///"))) {
                texts.push_str(text.as_str());
                texts.push('\n');
            }
        }
        Some(Self { path: path.to_owned(), types, texts })
    }

    /// The types that it defines.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        self.types.iter().map(String::as_str)
    }
}

/// A word to look for, or several after each other.
#[derive(Debug)]
pub struct Word(Regex);

impl Word {
    /// This one, in large or small letters.
    pub fn new(word: &str) -> Self {
        let words = regex::escape(word).replace(' ', r"\s+");
        Self(Regex::new(&format!(r"(?i)\b{words}\b")).unwrap())
    }

    /// Whether a text has it.
    pub fn is_in(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

#[test]
fn texts_are_told_from_comments_and_characters() {
    let text = "fn a<'s>(at: &'s str) { // \"none\"\n let b = '\"'; f(\"one \\\" law\"); g(r#\"two \"raw\" \"#) }\n\
                struct Law;\n#[cfg(test)]\nmod tests { const C: &str = \"three\"; struct Other; }";
    let source = Source::read("src/idp/kisee.rs", text).unwrap();
    assert_eq!(source.texts, "one \\\" law\ntwo \"raw\" \n");
    assert_eq!(source.types().collect::<Vec<_>>(), ["idp::Law"]);
    let help =
        Source::read("src/cli/serve.rs", "/// What it does\n// not this\nstruct Serve;").unwrap();
    assert_eq!(help.texts, "/// What it does\n");
    assert!(Source::read("src/idp/kisee/tests.rs", "").is_none());
}

#[test]
fn words_are_whole_words() {
    assert!(Word::new("law").is_in("The Law of groups"));
    assert!(Word::new("way to log in").is_in("a way\nto log in"));
    assert!(!Word::new("law").is_in("lawful"));
}

#[test]
fn tables_are_read() {
    let read = Glossary::read(
        "| Word | What | Type |\n|---|---|---|\n| user | somebody | `domain::UserId`, `index::Run` |\n\
         | Out | Now |\n|---|---|\n| \"law\", `idp::Way`, `idp/a.rs` | policy |\n",
    );
    assert_eq!((read.words.len(), read.types.len()), (1, 2));
    assert!(matches!(&read.out[..], [Out::Word(_), Out::Type(_), Out::File(_)]), "{:?}", read.out);
}
