//! Gaps: what tools put between two characters of a text to lay it out, and what separates the bytes of hexadecimal digits.
//!
//! Most gaps are line breaks: base64 in columns, YAML and MIME with a `\` or `=` at the end of a line, indentation, string
//! literals that are concatenated over several lines, quoted mail and comments, and line breaks that are escaped themselves.

/// Where in a gap a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Gap {
    /// After `\r`, or after what ends a line in a source text: `=`, or a closing quote with an operator.
    LineEnd,
    /// After backslashes: an escaped line break, or a line that continues.
    Backslash,
    /// After `%` of a percent-encoded line break.
    Percent,
    /// After `%0`.
    PercentZero,
    /// After a line break, and in the indentation.
    Line,
    /// After the quote that opens the rest.
    Opened,
    /// After separators of bytes.
    Separator,
    /// After the `0` of `0x`.
    Zero,
}

impl Gap {
    /// Returns the beginning of a gap. `hex`: between two bytes in hexadecimal digits.
    pub(super) fn enter(byte: u8, hex: bool) -> Option<Self> {
        match byte {
            b'\n' => Some(Self::Line),
            b' ' | b':' | b',' | b'-' | b'\t' if hex => Some(Self::Separator),
            b'\r' | b'=' | b'"' | b'\'' => Some(Self::LineEnd),
            b'\\' => Some(Self::Backslash),
            b'%' => Some(Self::Percent),
            _ => None,
        }
    }

    /// Returns where the gap continues after a byte, if it does.
    pub(super) fn next(self, byte: u8, hex: bool) -> Option<Self> {
        match (self, byte) {
            (Self::LineEnd, b'\n')
            | (Self::Backslash, b'\n' | b'n' | b'r')
            | (Self::PercentZero, b'A' | b'a' | b'D' | b'd')
            | (Self::Line, b' ' | b'\t' | b'\n' | b'\r' | b'>' | b'#' | b'|')
            | (Self::Separator, b'\r' | b'\n') => Some(Self::Line),
            (Self::LineEnd, b' ' | b'+' | b'.' | b',' | b'\\' | b'\r') | (Self::Backslash, b'\r') => {
                Some(Self::LineEnd)
            }
            (Self::Backslash | Self::Line, b'\\') => Some(Self::Backslash),
            (Self::Line, b'%') => Some(Self::Percent),
            (Self::Percent, b'0') => Some(Self::PercentZero),
            (Self::Line, b'"' | b'\'') => Some(Self::Opened),
            (Self::Line | Self::Separator, b'0') if hex => Some(Self::Zero),
            (Self::Separator, b' ' | b':' | b',' | b'-' | b'\t') | (Self::Zero, b'x' | b'X') => {
                Some(Self::Separator)
            }
            _ => None,
        }
    }

    /// Returns whether the text may continue here.
    pub(super) fn may_end(self) -> bool {
        matches!(self, Self::Line | Self::Opened | Self::Separator)
    }
}
