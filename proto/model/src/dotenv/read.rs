//! Reading: a cursor over the text that stops at the first error or ambiguity.

use std::collections::BTreeMap;

use crate::names::Key;

/// A text that is not a dotenv file, or that is ambiguous. Lines and columns count from 1, columns in characters. The
/// message never repeats a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {kind}")]
pub struct DecodeError {
    line: usize,
    column: usize,
    kind: DecodeErrorKind,
}

impl DecodeError {
    /// The line, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column, from 1, in characters.
    pub fn column(&self) -> usize {
        self.column
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum DecodeErrorKind {
    #[error(
        "invalid key; use 1 to 255 characters of A-Z, a-z, 0-9, \"_\", \".\" and \"-\", beginning with a letter or \
         \"_\", and put a value of several lines in quotes"
    )]
    NotKey,
    #[error("missing \"=\" after the key; write KEY=value, and put a value of several lines in quotes")]
    NoEquals,
    #[error("unclosed quote; add the closing quote")]
    Open,
    #[error(
        "unexpected text after the closing quote, where only a blank and a comment are allowed; {}",
        if *.quote == '"' { r#"write a double quote inside the value as \""# }
        else { "put a value that contains a single quote in double quotes" }
    )]
    AfterQuote { quote: char },
    #[error(
        "a value begins with a backtick, which a shell would run as a command; put the value in single quotes"
    )]
    Backtick,
    #[error("NUL character; remove it")]
    Nul,
    #[error("carriage return without a line feed; end lines with LF or CRLF")]
    Return,
    #[error("duplicate key {key}, first set in line {first}; keep one of them")]
    Twice { key: String, first: usize },
}

/// The variables of a dotenv file, by key.
///
/// # Errors
/// The first text that cannot be read, or that different readers of such files would silently read differently.
pub fn decode(text: &str) -> Result<BTreeMap<String, String>, DecodeError> {
    let (variables, breaks) = Reader::new(text, false).file()?;
    if !breaks.are_crlf() || !text.contains('"') && !text.contains('\'') {
        return Ok(variables);
    }
    // How the lines end is known only now.
    Ok(Reader::new(text, true).file()?.0)
}

/// The line breaks outside of quotes.
#[derive(Default)]
struct Breaks {
    lf: usize,
    crlf: usize,
}

impl Breaks {
    fn are_crlf(&self) -> bool {
        self.crlf > 0 && self.lf == 0
    }
}

struct Reader<'a> {
    text: &'a str,
    /// How far it was read, in bytes.
    at: usize,
    breaks: Breaks,
    /// Whether CRLF inside quotes is read as LF.
    crlf: bool,
}

fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t')
}

fn is_break(character: char) -> bool {
    matches!(character, '\n' | '\r')
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, crlf: bool) -> Self {
        Self { text, at: 0, breaks: Breaks::default(), crlf }
    }

    fn file(mut self) -> Result<(BTreeMap<String, String>, Breaks), DecodeError> {
        if let Some(at) = self.text.find('\0') {
            return Err(self.error(at, DecodeErrorKind::Nul));
        }
        self.eat('\u{feff}');
        let mut variables = BTreeMap::new();
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        while let Some((at, key, value)) = self.variable()? {
            if let Some(first) = places.insert(key, at) {
                let (first, _) = self.position(first);
                return Err(self.error(at, DecodeErrorKind::Twice { key: key.to_owned(), first }));
            }
            variables.insert(key.to_owned(), value);
        }
        Ok((variables, self.breaks))
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn eat(&mut self, character: char) -> bool {
        let found = self.rest().starts_with(character);
        if found {
            self.at += character.len_utf8();
        }
        found
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|character| !wanted(character)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// Line and column of a place, both from 1.
    fn position(&self, at: usize) -> (usize, usize) {
        let before = &self.text[..at];
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or(before);
        let column = column.trim_start_matches('\u{feff}').chars().count() + 1;
        (line, column)
    }

    fn error(&self, at: usize, kind: DecodeErrorKind) -> DecodeError {
        let (line, column) = self.position(at);
        DecodeError { line, column, kind }
    }

    /// Where the next variable begins, its key and its value; `None` at the end.
    fn variable(&mut self) -> Result<Option<(usize, &'a str, String)>, DecodeError> {
        loop {
            self.take_while(is_blank);
            match self.peek() {
                None => return Ok(None),
                Some('#') => {
                    self.take_while(|character| !is_break(character));
                    self.end_of_line()?;
                }
                Some('\n' | '\r') => self.end_of_line()?,
                Some(_) => break,
            }
        }
        let (at, key) = self.key()?;
        self.take_while(is_blank);
        let begin = self.at;
        let value = match self.peek() {
            Some(quote @ ('\'' | '"')) => self.quoted(quote)?,
            Some('`') => return Err(self.error(begin, DecodeErrorKind::Backtick)),
            _ => self.bare(),
        };
        self.end_of_line()?;
        Ok(Some((at, key, value)))
    }

    /// A key, where it begins, and the `=` behind it.
    fn key(&mut self) -> Result<(usize, &'a str), DecodeError> {
        let is_word = |character: char| !is_blank(character) && !is_break(character) && character != '=';
        let mut begin = self.at;
        let mut word = self.take_while(is_word);
        if word == "export" && self.peek().is_some_and(is_blank) {
            // Unless it is a variable of that name, with blanks before its `=`.
            self.take_while(is_blank);
            if self.peek() != Some('=') {
                begin = self.at;
                word = self.take_while(is_word);
            }
        }
        if Key::try_from(word).is_err() {
            return Err(self.error(begin, DecodeErrorKind::NotKey));
        }
        self.take_while(is_blank);
        if self.eat('=') { Ok((begin, word)) } else { Err(self.error(self.at, DecodeErrorKind::NoEquals)) }
    }

    fn bare(&mut self) -> String {
        let line = self.take_while(|character| !is_break(character));
        // A comment begins after a blank; the blanks before the value were skipped, and count as well.
        let after_blank = self.text[..self.at - line.len()].ends_with(is_blank);
        let comment = line.char_indices().find(|(index, character)| {
            *character == '#' && if *index == 0 { after_blank } else { line[..*index].ends_with(is_blank) }
        });
        let value = comment.map_or(line, |(index, _)| &line[..index]);
        value.trim_matches(is_blank).to_owned()
    }

    fn quoted(&mut self, quote: char) -> Result<String, DecodeError> {
        let begin = self.at;
        let mut value = String::new();
        let mut characters = self.rest().char_indices().skip(1).peekable();
        let end = loop {
            let Some((index, character)) = characters.next() else {
                return Err(self.error(begin, DecodeErrorKind::Open));
            };
            if character == quote {
                break index;
            }
            if self.crlf && character == '\r' && matches!(characters.peek(), Some((_, '\n'))) {
                continue;
            }
            if character != '\\' || quote == '\'' {
                value.push(character);
                continue;
            }
            match characters.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, 'r')) => value.push('\r'),
                Some((_, 't')) => value.push('\t'),
                Some((_, escaped @ ('\\' | '"' | '\'' | '$' | '`'))) => value.push(escaped),
                Some((_, other)) => value.extend(['\\', other]),
                None => return Err(self.error(begin, DecodeErrorKind::Open)),
            }
        };
        self.at += end + 1;
        let behind = self.at;
        let blanks = self.take_while(is_blank);
        match self.peek() {
            None | Some('\n' | '\r') => {}
            Some('#') if !blanks.is_empty() => {
                self.take_while(|character| !is_break(character));
            }
            Some(_) => {
                return Err(self.error(behind, DecodeErrorKind::AfterQuote { quote }));
            }
        }
        Ok(value)
    }

    /// The line break, or the end of the text.
    fn end_of_line(&mut self) -> Result<(), DecodeError> {
        let begin = self.at;
        if self.eat('\r') {
            if !self.eat('\n') {
                return Err(self.error(begin, DecodeErrorKind::Return));
            }
            self.breaks.crlf += 1;
        } else if self.eat('\n') {
            self.breaks.lf += 1;
        }
        Ok(())
    }
}
