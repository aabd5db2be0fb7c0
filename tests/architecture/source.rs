//! Reading Rust source as far as the layer rule needs it: which paths a file names, and in which of them tests do.
//!
//! Owns the scanner. Must not know the rules. It works on tokens, so comments, strings and line breaks hide nothing and
//! invent nothing; it knows no macros and no types: a path made by a macro of another crate is not seen.

/// A path that a file names, such as `crate::domain::user` or `tokio::sync`, without what it renames it to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its segments; the first may be `crate`, `self`, `super` or a crate's name. A `*` ends a glob.
    pub segments: Vec<String>,
    /// Where it stands, from 1.
    pub line: usize,
    /// How many inline modules stand around it.
    pub depth: usize,
    /// What it is for.
    pub part: Part,
    /// The name that a `use` makes known here by it; none for other paths, globs and `as _`.
    pub brings: Option<String>,
}

/// What a piece of source is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It is in the binary.
    Product,
    /// It stands inside `#[cfg(test)] mod … { … }`.
    Tests,
}

/// `mod name;`: a module in a file of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// The module's name.
    pub name: String,
    /// Whether `#[cfg(test)]` stands before it, or around it.
    pub part: Part,
}

/// What a file names and declares.
#[derive(Debug, Default)]
pub struct Source {
    /// Every path of more than one segment, and every `use`.
    pub named: Vec<Named>,
    /// Every `mod name;`.
    pub declared: Vec<Declared>,
}

/// An inline module that is open while its tokens are read.
struct Open {
    braces: usize,
    part: Part,
}

/// Reads a file.
pub fn read(text: &str) -> Source {
    let tokens = tokens(&blank(text));
    let mut source = Source::default();
    let (mut open, mut braces, mut at): (Vec<Open>, usize, usize) = (Vec::new(), 0, 0);
    while let Some(token) = tokens.get(at) {
        let part = open.last().map_or(Part::Product, |module| module.part);
        let depth = open.len();
        let next = |ahead: usize| tokens.get(at + ahead).map_or("", |token| token.text.as_str());
        at += match token.text.as_str() {
            "mod" if next(2) == "{" || next(2) == ";" => {
                let part = if is_behind_cfg_test(&tokens[..at]) { Part::Tests } else { part };
                if next(2) == "{" {
                    braces += 1;
                    open.push(Open { braces, part });
                } else {
                    source.declared.push(Declared { name: next(1).to_owned(), part });
                }
                3
            }
            "use" if next(1) != "<" => {
                let mut tree = Tree { tokens: &tokens, at: at + 1, found: Vec::new() };
                tree.branch(&[]);
                let named =
                    |(segments, brings)| Named { segments, line: token.line, depth, part, brings };
                source.named.extend(tree.found.into_iter().map(named));
                tree.at - at
            }
            "extern" if next(1) == "crate" => {
                let segments = vec![next(2).to_owned()];
                source.named.push(Named { segments, line: token.line, depth, part, brings: None });
                3
            }
            "{" => {
                braces += 1;
                1
            }
            "}" => {
                if open.last().is_some_and(|module| module.braces == braces) {
                    open.pop();
                }
                braces = braces.saturating_sub(1);
                1
            }
            _ if token.is_word() && next(1) == "::" => {
                let segments = path(&tokens[at..]);
                let length = segments.len() * 2 - 1;
                source.named.push(Named { segments, line: token.line, depth, part, brings: None });
                length
            }
            _ => 1,
        };
    }
    source
}

/// The words of the path that starts here.
fn path(tokens: &[Token]) -> Vec<String> {
    let mut segments = Vec::new();
    for pair in tokens.chunks(2) {
        segments.push(pair[0].text.clone());
        let goes_on = pair.get(1).is_some_and(|token| token.text == "::");
        if !goes_on || !tokens.get(segments.len() * 2).is_some_and(Token::is_word) {
            break;
        }
    }
    segments
}

/// Whether the tokens end in `#[cfg(test)]`, other attributes and a visibility aside.
fn is_behind_cfg_test(tokens: &[Token]) -> bool {
    let texts: Vec<&str> = tokens.iter().map(|token| token.text.as_str()).collect();
    let start = texts.iter().rposition(|text| matches!(*text, ";" | "{" | "}"));
    let before = &texts[start.map_or(0, |start| start + 1)..];
    before.windows(7).any(|window| window == ["#", "[", "cfg", "(", "test", ")", "]"])
}

/// A `use` while it is read.
struct Tree<'a> {
    tokens: &'a [Token],
    at: usize,
    /// The paths, each with the name that it gets.
    found: Vec<(Vec<String>, Option<String>)>,
}

impl Tree<'_> {
    /// Reads one branch, up to the `,`, `}` or `;` behind it.
    fn branch(&mut self, stem: &[String]) {
        let mut path = stem.to_vec();
        let mut is_leaf = true;
        let mut alias = None;
        while let Some(token) = self.tokens.get(self.at) {
            match token.text.as_str() {
                "{" => {
                    self.at += 1;
                    self.branches(&path);
                    is_leaf = false;
                    continue;
                }
                "," | "}" | ";" => break,
                "as" => {
                    self.at += 1;
                    alias = self.tokens.get(self.at).map(|token| token.text.clone());
                }
                "::" => {}
                text => path.push(text.to_owned()),
            }
            self.at += 1;
        }
        if is_leaf && path.len() > stem.len() {
            let own = path.iter().rev().find(|segment| *segment != "self").cloned();
            let name = alias.or(own).filter(|name| !matches!(name.as_str(), "*" | "_"));
            self.found.push((path, name));
        }
    }

    /// Reads the branches between braces, and the closing one.
    fn branches(&mut self, stem: &[String]) {
        while let Some(token) = self.tokens.get(self.at) {
            match token.text.as_str() {
                "}" => {
                    self.at += 1;
                    return;
                }
                "," => self.at += 1,
                ";" => return,
                _ => self.branch(stem),
            }
        }
    }
}

/// A word or a mark, and its line.
#[derive(Debug)]
struct Token {
    text: String,
    line: usize,
}

impl Token {
    fn is_word(&self) -> bool {
        self.text.starts_with(|letter: char| letter.is_alphabetic() || letter == '_')
    }
}

/// Splits blanked source into words, `::` and single marks.
fn tokens(blanked: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    for (index, line) in blanked.lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
            let end = if is_word(first) {
                rest.find(|letter| !is_word(letter)).unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            let (text, behind) = rest.split_at(end);
            // `r#type` is the word `type`.
            let is_raw = text == "r" && behind.starts_with('#');
            if !is_raw {
                tokens.push(Token { text: text.to_owned(), line: index + 1 });
            }
            rest = if is_raw { &behind[1..] } else { behind }.trim_start();
        }
    }
    tokens
}

/// The source with comments, strings and characters turned into blanks; line breaks stay.
pub fn blank(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let hidden = hidden(rest, out.chars().next_back());
        let end = if hidden == 0 { first.len_utf8() } else { hidden };
        let (piece, behind) = rest.split_at(end);
        if hidden == 0 {
            out.push_str(piece);
        } else {
            out.extend(piece.chars().map(|letter| if letter == '\n' { '\n' } else { ' ' }));
        }
        rest = behind;
    }
    out
}

/// How many bytes of comment, string or character start here; 0 when code does.
fn hidden(rest: &str, before: Option<char>) -> usize {
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return block_comment(rest);
    }
    if rest.starts_with('"') {
        return quoted(rest, '"');
    }
    if rest.starts_with('\'') {
        return character(rest);
    }
    let in_word = before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    if in_word { 0 } else { prefixed_string(rest) }
}

/// `b"…"`, `c"…"`, `r"…"`, `r#"…"#`, `br"…"` and `b'…'`.
fn prefixed_string(rest: &str) -> usize {
    let prefix = rest.find(|letter| !matches!(letter, 'b' | 'c' | 'r')).unwrap_or(rest.len());
    if !(1..=2).contains(&prefix) {
        return 0;
    }
    let behind = &rest[prefix..];
    let inner = if rest[..prefix].contains('r') {
        raw_string(behind)
    } else if behind.starts_with('"') {
        quoted(behind, '"')
    } else if behind.starts_with('\'') {
        quoted(behind, '\'')
    } else {
        0
    };
    if inner == 0 { 0 } else { prefix + inner }
}

/// A raw string from its first `#` or quote on.
fn raw_string(rest: &str) -> usize {
    let hashes = rest.find(|letter| letter != '#').unwrap_or(rest.len());
    if !rest[hashes..].starts_with('"') {
        return 0;
    }
    let closing = format!("\"{}", "#".repeat(hashes));
    let body = hashes + 1;
    rest[body..].find(&closing).map_or(rest.len(), |end| body + end + closing.len())
}

fn block_comment(rest: &str) -> usize {
    let (mut level, mut at) = (0_usize, 0);
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        if here.starts_with(b"/*") {
            level += 1;
            at += 2;
        } else if here.starts_with(b"*/") {
            level -= 1;
            at += 2;
            if level == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

fn quoted(rest: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, letter) in rest.char_indices().skip(1) {
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if letter == quote => return at + letter.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

/// A character; 0 for a lifetime.
fn character(rest: &str) -> usize {
    let mut letters = rest.chars().skip(1);
    match (letters.next(), letters.next()) {
        (Some('\\'), _) | (Some(_), Some('\'')) => quoted(rest, '\''),
        _ => 0,
    }
}
