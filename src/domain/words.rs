//! The words of a text, in the form in which they are searched.

/// The words of a text, lower-case, with one space between them and one at each end; `None` when
/// there is none.
pub fn normalized(text: &str) -> Option<String> {
    let words: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    if words.is_empty() { None } else { Some(format!(" {} ", words.join(" "))) }
}
