//! Which keys are named like secrets: passwords, tokens, API keys, private keys, PINs.
//!
//! Judged by the words of the key, whichever way they are joined: `api_key`, `apiKey`, `API-Key`. What
//! is said *about* a secret is none: `password_changed_at`, `token_count`, `has_pin`. A key that is
//! merely spelled alike is none either: `keyboard`, `primary_key`, `secretary`, `pinned`.

use std::borrow::Cow;

use super::diff::WITHHELD;

/// Words that name a secret wherever they stand.
const SECRETS: [&str; 13] = [
    "csrf",
    "cvv",
    "jwt",
    "passcode",
    "passkey",
    "passphrase",
    "passwd",
    "password",
    "pwd",
    "secret",
    "token",
    "totp",
    "xsrf",
];

/// Ends of words in which several were written as one: `accesstoken`.
const ENDS: [&str; 9] = [
    "accesskey",
    "apikey",
    "authkey",
    "passphrase",
    "password",
    "privatekey",
    "secret",
    "secretkey",
    "token",
];

/// Two words that name a secret together.
const PAIRS: [[&str; 2]; 28] = [
    ["access", "code"],
    ["access", "key"],
    ["api", "key"],
    ["app", "key"],
    ["auth", "key"],
    ["authentication", "key"],
    ["backup", "code"],
    ["decryption", "key"],
    ["encryption", "key"],
    ["hmac", "key"],
    ["master", "key"],
    ["mfa", "code"],
    ["otp", "code"],
    ["pass", "code"],
    ["pass", "key"],
    ["pass", "phrase"],
    ["pass", "word"],
    ["private", "key"],
    ["recovery", "code"],
    ["recovery", "key"],
    ["recovery", "phrase"],
    ["security", "answer"],
    ["security", "code"],
    ["seed", "phrase"],
    ["session", "key"],
    ["shared", "key"],
    ["signing", "key"],
    ["verification", "code"],
];

/// Short words that mean other things too (a catheter, a programme): they name a secret as the last
/// word, or with one of [`AFTER_SHORT`] after them.
const SHORT: [&str; 3] = ["cvc", "otp", "pin"];
const AFTER_SHORT: [&str; 7] = ["block", "code", "digest", "hash", "number", "seed", "value"];
/// Words before `pin` that make it a needle on a map.
const NEEDLES: [&str; 2] = ["drop", "map"];

/// First words of what is said about a secret.
const ABOUT_FIRST: [&str; 13] = [
    "allow", "allows", "can", "force", "had", "has", "is", "must", "needs", "require", "required",
    "requires", "should",
];

/// Last words of what is said about a secret.
const ABOUT_LAST: [&str; 52] = [
    "age",
    "alg",
    "algorithm",
    "allowed",
    "at",
    "attempt",
    "attempts",
    "by",
    "change",
    "changed",
    "count",
    "counter",
    "created",
    "date",
    "day",
    "days",
    "description",
    "disabled",
    "enabled",
    "expiration",
    "expired",
    "expires",
    "expiry",
    "failures",
    "format",
    "id",
    "ids",
    "issuer",
    "kind",
    "label",
    "length",
    "limit",
    "name",
    "on",
    "policy",
    "provider",
    "required",
    "requirements",
    "rotated",
    "scope",
    "scopes",
    "set",
    "size",
    "status",
    "strength",
    "time",
    "timestamp",
    "ttl",
    "type",
    "updated",
    "usage",
    "used",
];

/// What is before `tokens` when they are the ones that a language model counts.
const COUNTED: [&str; 8] =
    ["cached", "completion", "input", "max", "output", "prompt", "reasoning", "total"];

/// Each secret's name has the letters of one of these, as a set: what has not needs no closer look.
const LETTERS: [u32; 16] = [
    letters(b"answer"),
    letters(b"authorization"),
    letters(b"code"),
    letters(b"cookie"),
    letters(b"csrf"),
    letters(b"cvc"),
    letters(b"cvv"),
    letters(b"jwt"),
    letters(b"key"),
    letters(b"otp"),
    letters(b"pass"),
    letters(b"phrase"),
    letters(b"pin"),
    letters(b"pwd"),
    letters(b"secret"),
    letters(b"token"),
];

/// The ASCII letters of a text, in either case, as a set.
const fn letters(text: &[u8]) -> u32 {
    let mut set = 0;
    let mut rest = text;
    while let [byte, after @ ..] = rest {
        // Letters differ from one another in these bits; what is no letter only adds to the set.
        set |= 1 << (*byte & 31);
        rest = after;
    }
    set
}

/// Whether a key may be named like a secret, at a glance: false only when it is not.
fn may_be_secret(key: &str) -> bool {
    let set = letters(key.as_bytes());
    !key.is_ascii() || LETTERS.iter().any(|word| word & !set == 0)
}

/// Whether any key in a compact JSON text may be named like a secret: false only when none is.
pub fn may_hold_secret(json: &str) -> bool {
    let mut rest = json;
    while let Some((_, text)) = rest.split_once('"') {
        let Some((text, after)) = text.split_once('"') else { return false };
        // An escaped quote, or anything else that is escaped, is not worth telling apart here.
        if text.contains('\\') || (after.starts_with(':') && may_be_secret(text)) {
            return true;
        }
        rest = after;
    }
    false
}

/// Whether a key is named like a secret. `parent` is the key above it: an `Authorization` is a
/// secret among the headers of a request, and an insurer's leave elsewhere.
pub fn is_secret(parent: Option<&str>, key: &str) -> bool {
    if !may_be_secret(key) {
        return false;
    }
    let words = words(key);
    let words: Vec<&str> = words.split_ascii_whitespace().collect();
    let (Some(first), Some(last)) = (words.first(), words.last()) else { return false };
    if ABOUT_FIRST.contains(first) {
        return false;
    }
    // A secret's id is in some systems (HashiCorp Vault) a secret itself.
    if ABOUT_LAST.contains(last) && words != ["secret", "id"] {
        return false;
    }
    match words.as_slice() {
        ["cookie" | "cookies"] | ["session" | "set", "cookie" | "cookies"] => return true,
        ["authorization"] | ["proxy", "authorization"] => return parent.is_some_and(is_headers),
        _ => {}
    }
    words.iter().enumerate().any(|(i, word)| {
        let before = i.checked_sub(1).and_then(|i| words.get(i)).copied().unwrap_or_default();
        let after = words.get(i + 1).copied();
        if *word == "tokens" && COUNTED.contains(&before) {
            return false;
        }
        if SHORT.contains(word) {
            return after.is_none_or(|after| AFTER_SHORT.contains(&after))
                && !NEEDLES.contains(&before);
        }
        let word = singular(word);
        SECRETS.contains(&word)
            || ENDS.iter().any(|end| word.ends_with(end))
            || PAIRS.contains(&[before, word])
    })
}

/// A URL with the values of those of its parameters out of sight whose names are hidden, as in a link
/// for resetting a password.
pub fn hide_parameters(url: &str, is_hidden: impl Fn(&str) -> bool) -> Cow<'_, str> {
    const ENDS: [char; 4] = ['?', '&', '#', ';'];
    let mut parts = url.split_inclusive(ENDS);
    let is_hidden = |part: &str| {
        part.split_once('=').is_some_and(|(name, value)| {
            !value.trim_end_matches(ENDS).is_empty() && is_hidden(name)
        })
    };
    // What is before the first parameter is a path.
    let Some(path) = parts.next().filter(|_| parts.clone().any(is_hidden)) else {
        return Cow::Borrowed(url);
    };
    let shown = parts.map(|part| match part.split_once('=').filter(|_| is_hidden(part)) {
        Some((name, value)) => {
            let end = value.strip_prefix(value.trim_end_matches(ENDS)).unwrap_or_default();
            Cow::Owned(format!("{name}={WITHHELD}{end}"))
        }
        None => Cow::Borrowed(part),
    });
    Cow::Owned(std::iter::once(Cow::Borrowed(path)).chain(shown).collect())
}

fn is_headers(key: &str) -> bool {
    words(key).split_ascii_whitespace().last().is_some_and(|word| singular(word) == "header")
}

fn singular(word: &str) -> &str {
    word.strip_suffix('s').unwrap_or(word)
}

/// The words of a key in lower case, with a space between them: `OAuthToken2` is `o auth token`. A
/// word begins where a capital follows a small letter, where a small letter follows the last of
/// several capitals, and after whatever is no letter.
fn words(key: &str) -> String {
    let mut words = String::with_capacity(key.len() + 8);
    let mut before = ' ';
    let mut characters = key.chars().peekable();
    while let Some(c) = characters.next() {
        let mut ends_capitals = || characters.peek().is_some_and(|next| next.is_lowercase());
        if !c.is_alphabetic() {
            words.push(' ');
        } else if c.is_uppercase() {
            if before.is_lowercase() || (before.is_uppercase() && ends_capitals()) {
                words.push(' ');
            }
            words.extend(c.to_lowercase());
        } else {
            words.push(c);
        }
        before = c;
    }
    words
}
