//! The list of spellings, made from what tools print. A tool is named where it is the only one.

use std::fmt::{self, Write as _};

use zeroize::Zeroizing;

use super::Meaning;

/// The most spellings of a non-ASCII character, and nodes that they may need.
pub(super) const MAX_MEANINGS: usize = 32;
pub(super) const MAX_NODES: usize = MAX_MEANINGS * 14;

/// Longer than any spelling.
const MAX_SPELLING_BYTES: usize = 64;

/// Letters for control characters (and the space, in systemd's units) after a backslash.
const MNEMONICS: [(u8, char); 11] = [
    (0, '0'),
    (7, 'a'),
    (8, 'b'),
    (b'\t', 't'),
    (b'\n', 'n'),
    (11, 'v'),
    (12, 'f'),
    (b'\r', 'r'),
    (27, 'e'),
    (27, 'E'),
    (b' ', 's'),
];

/// The entities of HTML 5 for ASCII; the first five are those of XML.
const ENTITIES: [(char, &str); 32] = [
    ('&', "amp"),
    ('<', "lt"),
    ('>', "gt"),
    ('"', "quot"),
    ('\'', "apos"),
    ('\t', "Tab"),
    ('\n', "NewLine"),
    (' ', "nbsp"),
    ('!', "excl"),
    ('#', "num"),
    ('$', "dollar"),
    ('%', "percnt"),
    ('(', "lpar"),
    (')', "rpar"),
    ('*', "ast"),
    ('+', "plus"),
    (',', "comma"),
    ('.', "period"),
    ('/', "sol"),
    (':', "colon"),
    (';', "semi"),
    ('=', "equals"),
    ('?', "quest"),
    ('@', "commat"),
    ('[', "lsqb"),
    ('\\', "bsol"),
    (']', "rsqb"),
    ('^', "Hat"),
    ('_', "lowbar"),
    ('`', "grave"),
    ('{', "lcub"),
    ('|', "verbar"),
];

/// Spellings that follow no rule.
const OTHERS: [(char, &str); 23] = [
    // forms; a line break where a shell splits words
    (' ', "+"),
    ('\n', " "),
    // systemd, in names of units
    ('/', "-"),
    // CRLF for LF
    ('\n', "\\r\\n"),
    ('\n', "%0D%0A"),
    ('\n', "%0d%0a"),
    ('\n', "%5Cr%5Cn"),
    ('\n', "%5cr%5cn"),
    ('\n', "&#13;&#10;"),
    ('\n', "&#xD;&#xA;"),
    ('\n', "&#xd;&#xa;"),
    // shells, in single quotes; then in JSON, and in URLs
    ('\'', "'\\''"),
    ('\'', "'\"'\"'"),
    ('\'', "'\\\"'\\\"'"),
    ('\'', "%27%5C%27%27"),
    ('\'', "%27%5c%27%27"),
    ('\'', "%27%22%27%22%27"),
    ('!', "'\\!'"),
    ('!', "'\"!\"'"),
    // XML, in CDATA
    ('>', "]]]]><![CDATA[>"),
    ('>', "]]><![CDATA[>"),
    // entities in Go's JSON
    ('&', "\\u0026amp;"),
    ('\'', "\\u0026#39;"),
];

/// Calls the function with each spelling of ASCII characters, and of the bytes of others.
pub(super) fn for_ascii_and_bytes(insert: &mut dyn FnMut(&[u8], Meaning)) {
    for byte in 0..=255 {
        let meaning = Meaning::of_byte(byte);
        let mut list = List { meaning, insert: &mut *insert };
        list.byte(byte);
        if byte.is_ascii() {
            list.code_point(char::from(byte));
            list.ascii(char::from(byte));
        }
        // A shell's `\c`. Repeated backslashes need no node.
        if byte != b'\\' {
            insert(&[b'\\', byte], meaning);
        }
    }
    for (character, spelling) in OTHERS {
        insert(spelling.as_bytes(), Meaning::Character(character));
    }
}

/// Calls the function with each spelling of the characters, which are not ASCII.
pub(super) fn for_characters(characters: &[char], insert: &mut dyn FnMut(&[u8], Meaning)) {
    for character in characters {
        List { meaning: Meaning::Character(*character), insert: &mut *insert }.code_point(*character);
    }
}

/// The spellings of one meaning.
struct List<'a> {
    meaning: Meaning,
    insert: &'a mut dyn FnMut(&[u8], Meaning),
}

impl List<'_> {
    fn add(&mut self, spelling: fmt::Arguments<'_>) {
        // Never grows, so that no copy is left behind.
        let mut text = Zeroizing::new(String::with_capacity(MAX_SPELLING_BYTES));
        text.write_fmt(spelling).expect("writing to a string does not fail");
        (self.insert)(text.as_bytes(), self.meaning);
    }

    /// Adds a spelling, and its percent-encodings.
    fn add_in_url(&mut self, spelling: &str) {
        self.add(format_args!("{spelling}"));
        self.add(format_args!("{}", Percent { text: spelling, upper: true }));
        self.add(format_args!("{}", Percent { text: spelling, upper: false }));
    }

    /// Adds the ways to write a byte as a number.
    fn byte(&mut self, byte: u8) {
        // URLs, once and twice; quoted-printable; C, Python; LDAP
        for prefix in ["%", "%25", "=", "\\x", "\\"] {
            self.add(format_args!("{prefix}{byte:02X}"));
            self.add(format_args!("{prefix}{byte:02x}"));
        }
        // C, Perl, `echo -e`
        self.add(format_args!("\\{byte:03o}"));
        self.add(format_args!("\\{byte:o}"));
        self.add(format_args!("\\0{byte:03o}"));
        // ls, in single quotes, where printable characters may precede and follow
        if !(b' '..127).contains(&byte) {
            self.add(format_args!("'$'\\{byte:03o}"));
            self.add(format_args!("\\{byte:03o}''"));
            self.add(format_args!("'$'\\{byte:03o}''"));
        }
        // DNS, Lua
        self.add(format_args!("\\{byte:03}"));
        // cat -v
        let (meta, low) = if byte.is_ascii() { ("", byte) } else { ("M-", byte & 127) };
        match low {
            0..32 | 127 => self.add(format_args!("{meta}^{}", char::from(low ^ 64))),
            _ if byte.is_ascii() => {}
            _ => self.add(format_args!("{meta}{}", char::from(low))),
        }
    }

    /// Adds the ways to write a character as a number.
    fn code_point(&mut self, character: char) {
        let number = u32::from(character);
        let mut units = Zeroizing::new([0; 2]);
        match character.encode_utf16(&mut *units) {
            [high, low] => {
                self.add(format_args!("\\u{high:04x}\\u{low:04x}"));
                self.add(format_args!("\\u{high:04X}\\u{low:04X}"));
                self.add(format_args!("%u{high:04X}%u{low:04X}"));
                // JSON in a URL
                self.add(format_args!("\\u{high:04x}%5Cu{low:04x}"));
                self.add(format_args!("\\u{high:04x}%5cu{low:04x}"));
            }
            _ => {
                self.add(format_args!("\\u{number:04x}"));
                self.add(format_args!("\\u{number:04X}"));
                // JavaScript's escape
                self.add(format_args!("%u{number:04X}"));
            }
        }
        // Python, Go, YAML; Rust, Ruby; Perl; CSS
        self.add(format_args!("\\U{number:08x}"));
        self.add(format_args!("\\U{number:08X}"));
        self.add(format_args!("\\u{{{number:x}}}"));
        self.add(format_args!("\\u{{{number:X}}}"));
        self.add(format_args!("\\x{{{number:x}}}"));
        self.add(format_args!("\\x{{{number:X}}}"));
        self.add(format_args!("\\{number:x} "));
        if !character.is_ascii() && number < 256 {
            // as Latin-1
            self.add(format_args!("\\x{number:02x}"));
            self.add(format_args!("\\x{number:02X}"));
            self.add(format_args!("\\{number:03o}"));
            self.add(format_args!("%{number:02X}"));
        }
        // HTML and XML, once and twice
        for ampersand in ["&", "&amp;", "\\u0026"] {
            self.add(format_args!("{ampersand}#{number};"));
            self.add(format_args!("{ampersand}#{number:03};"));
            self.add(format_args!("{ampersand}#x{number:x};"));
            self.add(format_args!("{ampersand}#x{number:X};"));
            self.add(format_args!("{ampersand}#x{number:02x};"));
            self.add(format_args!("{ampersand}#x{number:02X};"));
        }
    }

    fn ascii(&mut self, character: char) {
        if character.is_ascii_punctuation() {
            // SQL, YAML, CSV, Terraform, compose, systemd, connection strings
            self.add_in_url(&format!("{character}{character}"));
            // PowerShell, cmd.exe
            self.add(format_args!("`{character}"));
            self.add(format_args!("^{character}"));
            // JSON in a URL
            self.add(format_args!("{}", Percent { text: &format!("\\{character}"), upper: true }));
            self.add(format_args!("{}", Percent { text: &format!("\\{character}"), upper: false }));
        }
        for (_, letter) in MNEMONICS.iter().filter(|(byte, _)| char::from(*byte) == character) {
            self.add_in_url(&format!("\\{letter}"));
            // shells, outside of quotes and inside of them (ls, zsh)
            self.add(format_args!("$'\\{letter}'"));
            self.add(format_args!("'$'\\{letter}''"));
        }
        if character.is_ascii_control() {
            let byte = u32::from(character);
            self.add(format_args!("$'\\{byte:03o}'"));
        }
        for (_, name) in ENTITIES.iter().filter(|(of, _)| *of == character) {
            self.add(format_args!("&{name};"));
            self.add(format_args!("&amp;{name};"));
            self.add(format_args!("\\u0026{name};"));
        }
        match character {
            '}' => self.add(format_args!("&rcub;")),
            ' ' => self.add(format_args!("%2B")),
            _ => {}
        }
    }
}

/// ASCII text, percent-encoded.
struct Percent<'a> {
    text: &'a str,
    upper: bool,
}

impl fmt::Display for Percent<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.text.bytes() {
            if byte.is_ascii_alphanumeric() {
                formatter.write_char(char::from(byte))?;
            } else if self.upper {
                write!(formatter, "%{byte:02X}")?;
            } else {
                write!(formatter, "%{byte:02x}")?;
            }
        }
        Ok(())
    }
}
