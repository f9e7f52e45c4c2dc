//! Decodes msgpack. The bytes are untrusted: no length is trusted for an allocation, nesting is limited, and nothing panics.

use std::collections::BTreeMap;

use rmp::Marker;

use super::{DecodeError, MAX_DEPTH, Number, ObjectType, Step, Type, Value, nfc};

/// The maximum capacity that is reserved before the elements are read.
const MAX_RESERVE: usize = 64;

type Result<T> = std::result::Result<T, DecodeError>;

impl Value {
    /// Decodes one msgpack value of type `ty`.
    ///
    /// # Errors
    /// If the bytes are not a value of that type, more bytes follow, or it is nested deeper than [`MAX_DEPTH`].
    pub fn from_msgpack(bytes: &[u8], ty: &Type) -> Result<Self> {
        let mut reader = Reader { rest: bytes };
        let value = reader.value(ty, MAX_DEPTH)?;
        if reader.rest.is_empty() {
            Ok(value)
        } else {
            Err(DecodeError::new(format!("{} bytes follow the value", reader.rest.len())))
        }
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn value(&mut self, ty: &Type, depth: usize) -> Result<Value> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(DecodeError::new(format!("the nesting is deeper than {MAX_DEPTH}")));
        };
        let marker = self.marker()?;
        if let Some(length) = self.extension_length(marker)? {
            // Every extension is an unknown value; its refinements are ignored.
            self.take(length.saturating_add(1))?;
            return Ok(Value::Unknown);
        }
        if marker == Marker::Null {
            return Ok(Value::Null);
        }
        match ty {
            Type::Bool => match marker {
                Marker::True => Ok(Value::Bool(true)),
                Marker::False => Ok(Value::Bool(false)),
                _ => Err(expected("a bool", marker)),
            },
            Type::Number => self.number(marker).map(Value::Number),
            Type::String => self.text(marker).map(|text| Value::String(nfc(text.to_owned()))),
            Type::List(element) | Type::Set(element) => self.elements(marker, element, depth),
            Type::Tuple(types) => self.tuple(marker, types, depth),
            Type::Map(element) => self.map(marker, element, depth),
            Type::Object(object) => self.object(marker, object, depth),
            Type::Dynamic => self.dynamic(marker, depth),
        }
    }

    fn elements(&mut self, marker: Marker, ty: &Type, depth: usize) -> Result<Value> {
        let length = self.array_length(marker)?;
        let mut elements = Vec::with_capacity(length.min(MAX_RESERVE));
        for index in 0..length {
            elements.push(self.value(ty, depth).map_err(|e| e.under(index_step(index)))?);
        }
        Ok(Value::List(elements))
    }

    fn tuple(&mut self, marker: Marker, types: &[Type], depth: usize) -> Result<Value> {
        let length = self.array_length(marker)?;
        if length != types.len() {
            return Err(DecodeError::new(format!(
                "expected a tuple of {} elements, found {length}",
                types.len()
            )));
        }
        let mut elements = Vec::with_capacity(length.min(MAX_RESERVE));
        for (index, ty) in types.iter().enumerate() {
            elements.push(self.value(ty, depth).map_err(|e| e.under(index_step(index)))?);
        }
        Ok(Value::List(elements))
    }

    fn map(&mut self, marker: Marker, ty: &Type, depth: usize) -> Result<Value> {
        let mut elements = BTreeMap::new();
        for _ in 0..self.map_length(marker)? {
            let key = self.key()?;
            let value = self.value(ty, depth).map_err(|e| e.under(Step::Key(key.clone())))?;
            if elements.contains_key(&key) {
                return Err(DecodeError::new("duplicate key").under(Step::Key(key)));
            }
            elements.insert(key, value);
        }
        Ok(Value::Map(elements))
    }

    fn object(&mut self, marker: Marker, object: &ObjectType, depth: usize) -> Result<Value> {
        let length = self.map_length(marker)?;
        let expected = object.attributes.len();
        if length != expected {
            return Err(DecodeError::new(format!(
                "expected an object of {expected} attributes, found {length}"
            )));
        }
        let mut attributes = BTreeMap::new();
        for _ in 0..length {
            let name = self.key()?;
            let Some(ty) = object.attributes.get(&name) else {
                return Err(DecodeError::new("unknown attribute").under(Step::Attribute(name)));
            };
            let value = self.value(ty, depth).map_err(|e| e.under(Step::Attribute(name.clone())))?;
            if attributes.contains_key(&name) {
                return Err(DecodeError::new("duplicate attribute").under(Step::Attribute(name)));
            }
            attributes.insert(name, value);
        }
        Ok(Value::Map(attributes))
    }

    /// Decodes an array of the type, as JSON bytes, and the value.
    fn dynamic(&mut self, marker: Marker, depth: usize) -> Result<Value> {
        let length = self.array_length(marker)?;
        if length != 2 {
            return Err(DecodeError::new(format!(
                "expected two elements for a dynamic value, found {length}"
            )));
        }
        let marker = self.marker()?;
        let ty = self.bytes(marker)?;
        let ty = Type::from_json(ty).map_err(|e| DecodeError::new(e.to_string()))?;
        let value = self.value(&ty, depth)?;
        Ok(Value::dynamic(ty, value))
    }

    fn number(&mut self, marker: Marker) -> Result<Number> {
        let float = match marker {
            Marker::FixPos(number) => return Ok(i64::from(number).into()),
            Marker::FixNeg(number) => return Ok(i64::from(number).into()),
            Marker::U8 => return Ok(i64::from(u8::from_be_bytes(self.array()?)).into()),
            Marker::U16 => return Ok(i64::from(u16::from_be_bytes(self.array()?)).into()),
            Marker::U32 => return Ok(i64::from(u32::from_be_bytes(self.array()?)).into()),
            Marker::U64 => return Ok(u64::from_be_bytes(self.array()?).into()),
            Marker::I8 => return Ok(i64::from(i8::from_be_bytes(self.array()?)).into()),
            Marker::I16 => return Ok(i64::from(i16::from_be_bytes(self.array()?)).into()),
            Marker::I32 => return Ok(i64::from(i32::from_be_bytes(self.array()?)).into()),
            Marker::I64 => return Ok(i64::from_be_bytes(self.array()?).into()),
            Marker::F32 => f64::from(f32::from_be_bytes(self.array()?)),
            Marker::F64 => f64::from_be_bytes(self.array()?),
            _ if is_text(marker) => {
                let text = self.text(marker)?;
                return text
                    .parse()
                    .map_err(|e| DecodeError::new(format!("invalid number {}: {e}", excerpt(text))));
            }
            _ => return Err(expected("a number", marker)),
        };
        Number::from_f64(float).map_err(|e| DecodeError::new(format!("invalid number: {e}")))
    }

    fn key(&mut self) -> Result<String> {
        let marker = self.marker()?;
        self.text(marker).map(|text| nfc(text.to_owned()))
    }

    fn text(&mut self, marker: Marker) -> Result<&'a str> {
        if !is_text(marker) {
            return Err(expected("a string", marker));
        }
        let bytes = self.bytes(marker)?;
        std::str::from_utf8(bytes).map_err(|e| DecodeError::new(format!("the string is not UTF-8: {e}")))
    }

    /// Decodes a string or bytes. Go's decoder accepts either for the other, and so does this one.
    fn bytes(&mut self, marker: Marker) -> Result<&'a [u8]> {
        let length = match marker {
            Marker::FixStr(length) => usize::from(length),
            Marker::Str8 | Marker::Bin8 => usize::from(u8::from_be_bytes(self.array()?)),
            Marker::Str16 | Marker::Bin16 => usize::from(u16::from_be_bytes(self.array()?)),
            Marker::Str32 | Marker::Bin32 => self.length32()?,
            _ => return Err(expected("bytes", marker)),
        };
        self.take(length)
    }

    fn array_length(&mut self, marker: Marker) -> Result<usize> {
        match marker {
            Marker::FixArray(length) => Ok(usize::from(length)),
            Marker::Array16 => Ok(usize::from(u16::from_be_bytes(self.array()?))),
            Marker::Array32 => self.length32(),
            _ => Err(expected("an array", marker)),
        }
    }

    fn map_length(&mut self, marker: Marker) -> Result<usize> {
        match marker {
            Marker::FixMap(length) => Ok(usize::from(length)),
            Marker::Map16 => Ok(usize::from(u16::from_be_bytes(self.array()?))),
            Marker::Map32 => self.length32(),
            _ => Err(expected("a map", marker)),
        }
    }

    fn extension_length(&mut self, marker: Marker) -> Result<Option<usize>> {
        Ok(Some(match marker {
            Marker::FixExt1 => 1,
            Marker::FixExt2 => 2,
            Marker::FixExt4 => 4,
            Marker::FixExt8 => 8,
            Marker::FixExt16 => 16,
            Marker::Ext8 => usize::from(u8::from_be_bytes(self.array()?)),
            Marker::Ext16 => usize::from(u16::from_be_bytes(self.array()?)),
            Marker::Ext32 => self.length32()?,
            _ => return Ok(None),
        }))
    }

    fn length32(&mut self) -> Result<usize> {
        let length = u32::from_be_bytes(self.array()?);
        usize::try_from(length).map_err(|_| DecodeError::new("the length does not fit in memory"))
    }

    fn marker(&mut self) -> Result<Marker> {
        self.array::<1>().map(|[byte]| Marker::from_u8(byte))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (array, rest) = self.rest.split_first_chunk().ok_or_else(ended)?;
        self.rest = rest;
        Ok(*array)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(ended)?;
        self.rest = rest;
        Ok(taken)
    }
}

fn ended() -> DecodeError {
    DecodeError::new("unexpected end of the bytes")
}

fn is_text(marker: Marker) -> bool {
    matches!(
        marker,
        Marker::FixStr(_)
            | Marker::Str8
            | Marker::Str16
            | Marker::Str32
            | Marker::Bin8
            | Marker::Bin16
            | Marker::Bin32
    )
}

fn index_step(index: usize) -> Step {
    Step::Index(i64::try_from(index).unwrap_or(i64::MAX))
}

/// Returns the beginning of a text, for a message.
fn excerpt(text: &str) -> String {
    let short: String = text.chars().take(40).collect();
    if short.len() < text.len() { format!("{short:?}…") } else { format!("{short:?}") }
}

fn expected(what: &str, found: Marker) -> DecodeError {
    let found = match found {
        Marker::True | Marker::False => "a bool",
        marker if is_text(marker) => "a string",
        Marker::FixArray(_) | Marker::Array16 | Marker::Array32 => "an array",
        Marker::FixMap(_) | Marker::Map16 | Marker::Map32 => "a map",
        Marker::Reserved => "a reserved byte",
        _ => "a number",
    };
    DecodeError::new(format!("expected {what}, found {found}"))
}
