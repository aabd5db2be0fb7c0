//! Mutated tokens: real ones, changed bytewise and structurally. Deterministic: a number names a mutant.
//!
//! Must not know which verifier will look at them.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// Pseudo-random numbers (the SplitMix64 sequence): the same for the same seed, anywhere.
pub struct Dice(u64);

impl Dice {
    /// A sequence of its own for every seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.roll() % end as u64) as usize
    }

    /// One of several.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// One of several texts.
    fn word<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

/// What mutants are made from.
pub struct Corpus {
    /// Tokens that are believed by somebody.
    pub real: Vec<String>,
    /// Tokens with the same headers and claims, signed by keys of nobody's.
    pub foreign: Vec<String>,
    /// What is public of the keys: PEM, DER, points, JWKs, ids.
    pub secrets: Vec<Vec<u8>>,
}

/// How many ways of mutating there are.
pub const WAYS: usize = 23;

const ALGS: [&str; 12] = [
    "none", "None", "nOnE", "HS256", "HS512", "RS256", "PS256", "ES384", "EdDSA", "ES256",
    "ES256K", "",
];
const STRANGE: [&str; 16] = [
    "=", "==", "+", "/", " ", "\t", "\n", "\r\n", "\0", "\u{200b}", "\u{feff}", "\u{ff0e}",
    "\u{a0}", "é", ".", "%2e",
];

impl Corpus {
    /// A mutant of `real[base]`: never one of the real tokens.
    pub fn mutant(&self, base: usize, way: usize, dice: &mut Dice) -> String {
        loop {
            let mutant = self.mutate(&self.real[base], way, dice);
            if !self.real.contains(&mutant) {
                return mutant;
            }
        }
    }

    fn mutate(&self, real: &str, way: usize, dice: &mut Dice) -> String {
        let parts: Vec<&str> = real.split('.').collect();
        match way % WAYS {
            0 => flipped_character(real, dice),
            1 => with_part(&parts, dice, |bytes, dice| {
                let at = dice.below(bytes.len());
                bytes[at] ^= 1 << dice.below(8);
            }),
            2 => real[..dice.below(real.len())].to_owned(),
            3 => format!("{real}{}", &self.other(dice)[..1 + dice.below(90)]),
            4 => {
                let mut text = real.to_owned();
                text.insert_str(dice.below(real.len() + 1), dice.word(&STRANGE));
                text
            }
            5 => {
                let mut text = real.to_owned();
                text.remove(dice.below(real.len()));
                text
            }
            6 => on_parts(&parts, dice, |part, dice| part.push_str(["=", "=="][dice.below(2)])),
            7 => loose_bits(&parts, dice),
            8 => on_parts(&parts, dice, standard_alphabet),
            9 => self.swapped(&parts, dice),
            10 | 11 => edited(&parts, 0, dice, |object, dice| edit_header(object, self, dice)),
            12 => edited(&parts, 1, dice, edit_claims),
            13 => with_text(&parts, dice, doubled_key),
            14 => with_text(&parts, dice, |text, dice| {
                let at = [0, 1, text.len() - 1, text.len()][dice.below(4)];
                text.insert_str(at, dice.word(&[" ", "\n", "\t", "\u{b}", "/**/", "\u{a0}"]));
            }),
            15 => unsigned(&parts, dice),
            16 => self.hmac(&parts, dice),
            17 => json_form(&parts, dice),
            18 => self.nested(real, &parts, dice),
            19 => odd_signature(&parts, self.other(dice), dice),
            20 => self.foreign[dice.below(self.foreign.len())].clone(),
            21 => recoded(&parts, dice),
            _ => dotted(&parts, dice),
        }
    }

    fn other(&self, dice: &mut Dice) -> &str {
        let real: &String = dice.pick(&self.real);
        real
    }

    /// Parts from up to three tokens.
    fn swapped(&self, parts: &[&str], dice: &mut Dice) -> String {
        let mut parts: Vec<&str> = parts.to_vec();
        for _ in 0..1 + dice.below(2) {
            let place = dice.below(3);
            let from = if dice.below(4) == 0 { &self.foreign } else { &self.real };
            parts[place] = dice.pick(from).split('.').nth(dice.below(3)).unwrap();
        }
        parts.join(".")
    }

    fn hmac(&self, parts: &[&str], dice: &mut Dice) -> String {
        let mut header = json_part(parts[0]);
        header["alg"] = json!("HS256");
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), parts[1]);
        let secret =
            jsonwebtoken::EncodingKey::from_secret(dice.pick(self.secrets.as_slice()).as_slice());
        let algorithm = jsonwebtoken::Algorithm::HS256;
        let mac = jsonwebtoken::crypto::sign(signed.as_bytes(), &secret, algorithm).unwrap();
        format!("{signed}.{mac}")
    }

    /// A token in a token, and things shaped like a JWE.
    fn nested(&self, real: &str, parts: &[&str], dice: &mut Dice) -> String {
        let inner = URL_SAFE_NO_PAD.encode(real);
        match dice.below(4) {
            0 => format!("{}.{inner}.{}", parts[0], parts[2]),
            1 => format!("{inner}.{}.{}", parts[1], parts[2]),
            2 => format!("{}.{inner}.{}.{}.{}", parts[0], parts[1], parts[2], parts[2]),
            _ => {
                let header = json!({"alg": "dir", "enc": "A128GCM", "cty": "JWT"}).to_string();
                format!("{}..{inner}.{}.{}", URL_SAFE_NO_PAD.encode(header), parts[1], parts[2])
            }
        }
    }
}

fn json_part(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// Changes one character, mostly within the alphabet so that the change gets past the decoder.
fn flipped_character(real: &str, dice: &mut Dice) -> String {
    let mut bytes = real.as_bytes().to_vec();
    let at = dice.below(bytes.len());
    bytes[at] = if dice.below(2) == 0 {
        bytes[at] ^ 1 << dice.below(7)
    } else {
        *dice.pick(real.as_bytes())
    };
    String::from_utf8(bytes).unwrap()
}

fn on_parts(parts: &[&str], dice: &mut Dice, change: impl Fn(&mut String, &mut Dice)) -> String {
    let mut parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
    let place = dice.below(3);
    change(&mut parts[place], dice);
    parts.join(".")
}

fn with_part(parts: &[&str], dice: &mut Dice, change: impl Fn(&mut Vec<u8>, &mut Dice)) -> String {
    on_parts(parts, dice, |part, dice| {
        let mut bytes = URL_SAFE_NO_PAD.decode(&*part).unwrap();
        change(&mut bytes, dice);
        *part = URL_SAFE_NO_PAD.encode(bytes);
    })
}

fn with_text(parts: &[&str], dice: &mut Dice, change: impl Fn(&mut String, &mut Dice)) -> String {
    let mut parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
    let place = dice.below(2);
    let mut text = String::from_utf8(URL_SAFE_NO_PAD.decode(&parts[place]).unwrap()).unwrap();
    change(&mut text, dice);
    parts[place] = URL_SAFE_NO_PAD.encode(text);
    parts.join(".")
}

fn edited(
    parts: &[&str],
    place: usize,
    dice: &mut Dice,
    change: impl Fn(&mut Value, &mut Dice),
) -> String {
    let mut object = json_part(parts[place]);
    change(&mut object, dice);
    let text = URL_SAFE_NO_PAD.encode(object.to_string());
    let mut parts = parts.to_vec();
    parts[place] = &text;
    parts.join(".")
}

fn edit_header(header: &mut Value, corpus: &Corpus, dice: &mut Dice) {
    let other = json_part(corpus.other(dice).split('.').next().unwrap());
    match dice.below(10) {
        0 => header["alg"] = json!(dice.pick(&ALGS)),
        1 => header["typ"] = other["typ"].clone(),
        2 => header["kid"] = other["kid"].clone(),
        3 => {
            header["typ"] = json!(dice.pick(&["JWT", "jwt", "AT+JWT", "id+jwt", "logout+jwt", ""]))
        }
        4 => header["kid"] = json!(dice.pick(&["", "../../dev/null", "' OR 1=1 --", "0"])),
        5 => header["crit"] = json!(["exp"]),
        6 => header["jku"] = json!("http://127.0.0.1:1/"),
        7 => header["jwk"] = json!({"kty": "EC", "crv": "P-256"}),
        8 => drop(header.as_object_mut().unwrap().remove(*dice.pick(&["alg", "typ", "kid"]))),
        _ => header[*dice.pick(&["zip", "b64", "cty", "x5u", "x5c", "Alg"])] = json!("DEF"),
    }
    header["n"] = json!(dice.below(1000));
}

fn edit_claims(claims: &mut Value, dice: &mut Dice) {
    let names: Vec<String> = claims.as_object().unwrap().keys().cloned().collect();
    let name = dice.pick(&names).clone();
    match dice.below(6) {
        0 => claims["groups"] = json!(["staff", "admin"]),
        1 => claims["exp"] = json!(1_900_000_000 + dice.below(1_000_000)),
        2 => claims["sub"] = json!(format!("kisee-root{}", dice.below(1000))),
        3 => claims["refresh_token"] = json!(dice.below(2) == 0),
        4 => drop(claims.as_object_mut().unwrap().remove(&name)),
        _ => {
            claims[name] =
                dice.pick(&[json!(null), json!(1), json!("x"), json!([]), json!({})]).clone()
        }
    }
    claims["n"] = json!(dice.below(1000));
}

/// One of the members twice, the second time perhaps with another value or another spelling of the name.
fn doubled_key(text: &mut String, dice: &mut Dice) {
    let object: Value = serde_json::from_str(text).unwrap();
    let members: Vec<(&String, &Value)> = object.as_object().unwrap().iter().collect();
    let (name, value) = *dice.pick(&members);
    let name = match dice.below(2) {
        0 => name.clone(),
        _ => format!("\\u{:04x}{}", name.as_bytes()[0], &name[1..]),
    };
    let value = if dice.below(2) == 0 { value.clone() } else { json!("staff") };
    text.insert_str(1, &format!("\"{name}\":{value},"));
}

/// The same bytes with the bits set that base64 leaves over at the end of a part.
fn loose_bits(parts: &[&str], dice: &mut Dice) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let loose: Vec<usize> = (0..3).filter(|place| parts[*place].len() % 4 > 1).collect();
    let place = *dice.pick(&loose);
    let bits = if parts[place].len() % 4 == 2 { 16 } else { 4 };
    let last = *parts[place].as_bytes().last().unwrap();
    let value = ALPHABET.iter().position(|letter| *letter == last).unwrap();
    let other = char::from(ALPHABET[value + 1 + dice.below(bits - 1)]);
    let mut parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
    parts[place].pop();
    parts[place].push(other);
    parts.join(".")
}

fn standard_alphabet(part: &mut String, dice: &mut Dice) {
    let bytes = URL_SAFE_NO_PAD.decode(&*part).unwrap();
    let standard = STANDARD.encode(bytes);
    *part = if standard == *part || dice.below(3) == 0 { format!("{part}+/") } else { standard };
}

fn unsigned(parts: &[&str], dice: &mut Dice) -> String {
    let mut header = json_part(parts[0]);
    header["alg"] = json!(dice.pick(&["none", "None", "NONE", "nOnE", "\u{ff4e}one"]));
    let header = URL_SAFE_NO_PAD.encode(header.to_string());
    let header = if dice.below(4) == 0 { parts[0] } else { &header };
    match dice.below(3) {
        0 => format!("{header}.{}.", parts[1]),
        1 => format!("{header}.{}.{}", parts[1], "A".repeat(dice.below(90))),
        _ => format!("{header}.{}", parts[1]),
    }
}

fn json_form(parts: &[&str], dice: &mut Dice) -> String {
    let flat = json!({"protected": parts[0], "payload": parts[1], "signature": parts[2]});
    let general = json!({"payload": parts[1],
        "signatures": [{"protected": parts[0], "signature": parts[2], "header": {"n": dice.below(9)}}]});
    match dice.below(4) {
        0 => flat.to_string(),
        1 => general.to_string(),
        2 => format!("\"{}\"", parts.join(".")),
        _ => format!("[\"{}\"]{}", parts.join("."), " ".repeat(dice.below(9))),
    }
}

/// Numbers at the edges, halves exchanged, DER, wrong lengths, somebody else's.
fn odd_signature(parts: &[&str], other: &str, dice: &mut Dice) -> String {
    let signature = URL_SAFE_NO_PAD.decode(parts[2]).unwrap();
    let (r, s) = signature.split_at(32);
    let odd = match dice.below(9) {
        0 => vec![0; 64],
        1 => [r, &[0; 32]].concat(),
        2 => [&[0; 32], s].concat(),
        3 => [s, r].concat(),
        4 => [&[0x30, 0x44, 0x02, 0x20], r, &[0x02, 0x20], s].concat(),
        5 => [&signature[..], &[0]].concat(),
        6 => vec![0xff; 64],
        7 => [&[0; 32], r, s].concat(),
        _ => URL_SAFE_NO_PAD.decode(other.split('.').nth(2).unwrap()).unwrap(),
    };
    format!("{}.{}.{}", parts[0], parts[1], URL_SAFE_NO_PAD.encode(odd))
}

/// Header and claims in other encodings of characters, or in none.
fn recoded(parts: &[&str], dice: &mut Dice) -> String {
    let place = dice.below(2);
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(parts[place]).unwrap()).unwrap();
    let bytes: Vec<u8> = match dice.below(5) {
        0 => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        1 => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        2 => [b"\xef\xbb\xbf", text.as_bytes()].concat(),
        3 => text.replace('a', "\u{ff41}").into_bytes(),
        _ => text
            .bytes()
            .flat_map(|byte| if byte == b'"' { vec![0xc0, 0xa2] } else { vec![byte] })
            .collect(),
    };
    let encoded = URL_SAFE_NO_PAD.encode(bytes);
    let mut parts = parts.to_vec();
    parts[place] = if dice.below(8) == 0 { &text } else { &encoded };
    parts.join(".")
}

fn dotted(parts: &[&str], dice: &mut Dice) -> String {
    match dice.below(6) {
        0 => ".".repeat(1 + dice.below(5000)),
        1 => format!(".{}", parts.join(".")),
        2 => format!("{}.{}", parts.join("."), ".".repeat(dice.below(9))),
        3 => format!("{}..{}.{}", parts[0], parts[1], parts[2]),
        4 => format!("{}.{}..{}", parts[0], parts[1], parts[2]),
        _ => parts.join(""),
    }
}
