//! Which keys are taken for secrets, and which are not.

use auditlog::domain::secret::{hide_parameters, is_secret, may_hold_secret};
use proptest::prelude::*;
use proptest::sample::select;

/// Keys as applications name them, a line a reason.
const SECRETS: &[&[&str]] = &[
    &["password", "Password", "PASSWORD", "passwords", "pwd", "passwd", "user_pwd", "dbPasswd"],
    &["new_password", "oldPassword", "current-password", "password_confirmation", "password2"],
    &["encrypted_password", "password_hash", "passwordDigest", "password_salt", "userpassword"],
    &["reset_password_token", "password_reset_url", "passcode", "pass_code", "PassPhrase"],
    &["secret", "client_secret", "clientSecret", "clientsecret", "secret_key_base", "Secrets"],
    &["secret_id", "secret_question", "totp", "totp_seed", "webhook secret"],
    &["token", "access_token", "accessToken", "accesstoken", "id_token", "OAuthToken", "tokens"],
    &["refresh_token_2", "XSRF-TOKEN", "csrf", "_csrf", "jwt", "device_token", "token_value"],
    &["api_key", "apiKey", "APIKey", "API-Key", "apikey", "X-API-KEY", "stripe_api_key_live"],
    &["api_keys", "APIKeys", "privateKey", "private_keys", "ssh_private_key", "privatekey"],
    &["signing_key", "encryption_key", "aws_access_key", "aws.secret.access.key", "master key"],
    &["session_key", "recovery_key", "recoveryCodes", "backup_codes", "verification_code"],
    &["pin", "PIN", "user_pin", "cardPin", "pin_code", "pin_number", "pinHash", "pin2"],
    &["cvv", "CVV2", "card_cvv", "cvc", "card_cvc", "security_code", "otp", "otp_code"],
    &["cookie", "Set-Cookie", "session_cookie", "security_answer", "seed_phrase"],
];

const PLAIN: &[&[&str]] = &[
    // Spelled alike.
    &[
        "keyboard",
        "monkey",
        "key",
        "keys",
        "keyword",
        "turkey",
        "hockey",
        "tokenized",
        "tokenization",
    ],
    &["secretary", "secretion", "secretary_id", "pinned", "pinned_at", "spin", "pinata", "opinion"],
    &[
        "compass",
        "passport",
        "passport_number",
        "passenger",
        "bypass",
        "pass",
        "pass_rate",
        "passed",
    ],
    &["passwordless", "shipping", "mapping", "typing", "cookie_consent", "cookies_accepted"],
    // Keys that open nothing.
    &["primary_key", "foreignKey", "public_key", "sort_key", "cache_key", "partition_key"],
    &["idempotency_key", "object_key", "answer_key", "key_id", "keyCount"],
    // Said about a secret.
    &["password_changed_at", "passwordUpdatedAt", "password_expires_on", "password_policy"],
    &["password_strength", "password_set", "has_password", "isSecret", "must_change_password"],
    &["requires_pin", "force_password_change", "can_reset_password", "token_count", "tokenType"],
    &["token_expires_at", "access_token_expiry", "api_key_id", "api_key_name", "token_id"],
    &["secret_name", "max_tokens", "prompt_tokens", "completionTokens", "token_limit"],
    // The short words in other senses.
    &["pin_color", "map_pin", "drop_pin", "pin_to_top", "cvc_insertion_date", "cvc_line"],
    &["otp_program", "otp_admission_date"],
    // Words of the trade.
    &["authorization", "authorization_number", "authorization_code", "auth_code", "credentials"],
    &["session_id", "diagnosis_code", "cpt_code", "zip_code", "access", "security", "signature"],
    &["", "_", "2", "é", "first_name", "pm_status", "ssn", "email", "address.city"],
];

#[test]
fn secrets_are_known_by_their_words() {
    for key in SECRETS.iter().copied().flatten() {
        assert!(is_secret(None, key), "{key:?}");
    }
}

#[test]
fn what_is_only_spelled_alike_is_none() {
    for key in PLAIN.iter().copied().flatten() {
        assert!(!is_secret(None, key), "{key:?}");
    }
}

#[test]
fn an_authorization_is_one_among_headers() {
    for headers in ["headers", "header", "request_headers", "httpHeaders", "HTTP-Headers"] {
        assert!(is_secret(Some(headers), "Authorization"), "{headers}");
        assert!(is_secret(Some(headers), "proxy-authorization"), "{headers}");
        assert!(!is_secret(Some(headers), "Accept"), "{headers}");
    }
    for other in ["claim", "headers_count", "heading"] {
        assert!(!is_secret(Some(other), "authorization"), "{other}");
    }
}

#[test]
fn a_secret_in_metadata_is_met_at_a_glance() {
    for key in SECRETS.iter().copied().flatten() {
        for text in [
            format!("{{{key:?}:1}}"),
            format!(r#"{{"a":"x","b":[{{"c":{{{key:?}:null}}}}]}}"#),
            format!(r#"{{"a":"\\","b\"":{{{key:?}:2}}}}"#),
        ] {
            assert!(may_hold_secret(&text), "{text}");
        }
    }
    for text in ["{}", r#"{"status":"token","a":{"b":["api_key",1,null]}}"#, r#"{"":""}"#] {
        assert!(!may_hold_secret(text), "{text}");
    }
}

#[test]
fn a_url_shows_no_secret_parameter() {
    let cases = [
        ("https://x.test/reset?token=abc", "https://x.test/reset?token=[withheld]"),
        ("/r?id=1&reset_token=a%20b&page=2", "/r?id=1&reset_token=[withheld]&page=2"),
        ("/r?password=a=b#x", "/r?password=[withheld]#x"),
        ("/cb#access_token=abc&state=1", "/cb#access_token=[withheld]&state=1"),
        ("/r?a=1;api_key=2;b=3?pin=4", "/r?a=1;api_key=[withheld];b=3?pin=[withheld]"),
        ("/token=abc", "/token=abc"),
        ("/r?token=", "/r?token="),
        ("/r?token", "/r?token"),
        ("/r?token=&token&keyboard=1&é=1", "/r?token=&token&keyboard=1&é=1"),
        ("", ""),
    ];
    for (url, shown) in cases {
        assert_eq!(hide_parameters(url, |name| is_secret(None, name)), shown);
    }
}

/// Words, joined in one of the ways in which keys are written.
fn joined(words: &[&str], way: u8) -> String {
    let capitalized = |word: &&str| word[..1].to_uppercase() + &word[1..];
    match way % 6 {
        0 => words.join("_"),
        1 => words.join("-"),
        2 => words.join("_").to_uppercase(),
        3 => words.iter().map(capitalized).collect(),
        4 => words[..1]
            .iter()
            .map(|word| word.to_string())
            .chain(words[1..].iter().map(capitalized))
            .collect(),
        _ => words.iter().map(capitalized).collect::<Vec<_>>().join(" "),
    }
}

proptest! {
    #[test]
    fn however_words_are_joined_they_say_the_same(
        words in prop::collection::vec(select(vec![
            "user", "password", "api", "key", "private", "public", "token", "count", "pin", "code",
            "has", "secret", "id", "changed", "at", "max", "tokens", "map", "session", "cookie",
        ]), 1..5),
        way: u8,
    ) {
        prop_assert_eq!(is_secret(None, &joined(&words, way)), is_secret(None, &words.join("_")));
    }

    #[test]
    fn a_password_is_one_with_anything_before_it(before in "[a-z]{1,8}", between in "[_ .-]") {
        let about = ["allow", "allows", "can", "force", "had", "has", "is", "must", "needs",
            "require", "required", "requires", "should"];
        let key = format!("{before}{between}password");
        prop_assert_eq!(is_secret(None, &key), !about.contains(&before.as_str()));
    }
}
