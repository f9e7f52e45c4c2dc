//! Encodes msgpack as hosts expect it: every attribute of an object, exact numbers, and the shortest form of each length.

use rmp::Marker;

use super::{EncodeError, MAX_DEPTH, Number, Step, Type, Value, nfc};

type Result<T> = std::result::Result<T, EncodeError>;

impl Value {
    /// Encodes the value as type `ty`, byte for byte as go-cty does. Nothing is coerced.
    ///
    /// # Errors
    /// If the value does not conform to the type, or is nested deeper than [`MAX_DEPTH`].
    pub fn to_msgpack(&self, ty: &Type) -> Result<Vec<u8>> {
        self.encode(ty, NumberForm::Shortest)
    }

    /// Encodes the value as [`Value::to_msgpack`] does, but every number as text, as [`Value::to_dynamic`] explains.
    ///
    /// # Errors
    /// If the value does not conform to the type, or is nested deeper than [`MAX_DEPTH`].
    pub(super) fn to_host_msgpack(&self, ty: &Type) -> Result<Vec<u8>> {
        self.encode(ty, NumberForm::Text)
    }

    fn encode(&self, ty: &Type, numbers: NumberForm) -> Result<Vec<u8>> {
        let mut out = Writer { out: Vec::new(), numbers };
        out.value(self, ty, MAX_DEPTH)?;
        Ok(out.out)
    }
}

/// How numbers are written. Every decoder accepts both.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NumberForm {
    /// As an integer or float where that is exact.
    Shortest,
    /// Always as text.
    Text,
}

struct Writer {
    out: Vec<u8>,
    numbers: NumberForm,
}

impl Writer {
    fn value(&mut self, value: &Value, ty: &Type, depth: usize) -> Result<()> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(EncodeError::new(format!("the nesting is deeper than {MAX_DEPTH}")));
        };
        match (value, ty) {
            (Value::Null, _) => self.marker(Marker::Null),
            (Value::Unknown, _) => {
                // The shortest extension, of kind 0; its one byte is ignored.
                self.marker(Marker::FixExt1);
                self.out.extend([0, 0]);
            }
            (Value::Bool(true), Type::Bool) => self.marker(Marker::True),
            (Value::Bool(false), Type::Bool) => self.marker(Marker::False),
            (Value::Number(number), Type::Number) => self.number(number)?,
            (Value::String(text), Type::String) => self.text(text)?,
            (Value::List(elements), Type::List(ty) | Type::Set(ty)) => {
                self.array_length(elements.len())?;
                for (index, element) in elements.iter().enumerate() {
                    self.value(element, ty, depth).map_err(|e| e.under(index_step(index)))?;
                }
            }
            (Value::List(elements), Type::Tuple(types)) => {
                if elements.len() != types.len() {
                    let (expected, found) = (types.len(), elements.len());
                    return Err(EncodeError::new(format!(
                        "expected a tuple of {expected} elements, found {found}"
                    )));
                }
                self.array_length(elements.len())?;
                for (index, (element, ty)) in elements.iter().zip(types).enumerate() {
                    self.value(element, ty, depth).map_err(|e| e.under(index_step(index)))?;
                }
            }
            (Value::Map(elements), Type::Map(ty)) => {
                self.map_length(elements.len())?;
                for (key, element) in elements {
                    self.text(key)?;
                    self.value(element, ty, depth).map_err(|e| e.under(Step::Key(key.clone())))?;
                }
            }
            (Value::Map(attributes), Type::Object(object)) => {
                if let Some(name) = attributes.keys().find(|name| !object.attributes.contains_key(*name)) {
                    return Err(EncodeError::new("unknown attribute").under(Step::Attribute(name.clone())));
                }
                self.map_length(object.attributes.len())?;
                for (name, ty) in &object.attributes {
                    let step = || Step::Attribute(name.clone());
                    let attribute = attributes
                        .get(name)
                        .ok_or_else(|| EncodeError::new("missing attribute").under(step()))?;
                    self.text(name)?;
                    self.value(attribute, ty, depth).map_err(|e| e.under(step()))?;
                }
            }
            (Value::Dynamic(inner), Type::Dynamic) => {
                let (ty, value) = inner.as_ref();
                self.array_length(2)?;
                self.bytes(&ty.to_json())?;
                self.value(value, ty, depth)?;
            }
            _ => return Err(mismatch(value, ty)),
        }
        Ok(())
    }

    /// Encodes a number. The shortest form is go-cty's: a whole number that fits in a signed 64-bit integer as an integer, a
    /// fraction that a float represents exactly as a float, and everything else as a string.
    fn number(&mut self, number: &Number) -> Result<()> {
        if self.numbers == NumberForm::Text {
            self.text(&number.to_string())
        } else if let Some(integer) = number.to_i64() {
            self.integer(integer);
            Ok(())
        } else if !number.is_whole()
            && let Some(float) = number.to_f64_exact()
        {
            self.marker(Marker::F64);
            self.out.extend(float.to_be_bytes());
            Ok(())
        } else {
            self.text(&number.to_string())
        }
    }

    fn integer(&mut self, number: i64) {
        if let Ok(number) = u8::try_from(number) {
            if number < 128 {
                self.marker(Marker::FixPos(number));
            } else {
                self.marker(Marker::U8);
                self.out.push(number);
            }
        } else if let Ok(number) = u16::try_from(number) {
            self.marker(Marker::U16);
            self.out.extend(number.to_be_bytes());
        } else if let Ok(number) = u32::try_from(number) {
            self.marker(Marker::U32);
            self.out.extend(number.to_be_bytes());
        } else if let Ok(number) = u64::try_from(number) {
            self.marker(Marker::U64);
            self.out.extend(number.to_be_bytes());
        } else if let Ok(number) = i8::try_from(number) {
            if number >= -32 {
                self.marker(Marker::FixNeg(number));
            } else {
                self.marker(Marker::I8);
                self.out.extend(number.to_be_bytes());
            }
        } else if let Ok(number) = i16::try_from(number) {
            self.marker(Marker::I16);
            self.out.extend(number.to_be_bytes());
        } else if let Ok(number) = i32::try_from(number) {
            self.marker(Marker::I32);
            self.out.extend(number.to_be_bytes());
        } else {
            self.marker(Marker::I64);
            self.out.extend(number.to_be_bytes());
        }
    }

    fn text(&mut self, text: &str) -> Result<()> {
        if text.is_ascii() {
            return self.utf8(text);
        }
        self.utf8(&nfc(text.to_owned()))
    }

    fn utf8(&mut self, text: &str) -> Result<()> {
        match short(text.len(), 31) {
            Some(length) => self.marker(Marker::FixStr(length)),
            None => self.length(text.len(), Some(Marker::Str8), Marker::Str16, Marker::Str32)?,
        }
        self.out.extend(text.as_bytes());
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.length(bytes.len(), Some(Marker::Bin8), Marker::Bin16, Marker::Bin32)?;
        self.out.extend(bytes);
        Ok(())
    }

    fn array_length(&mut self, length: usize) -> Result<()> {
        match short(length, 15) {
            Some(length) => {
                self.marker(Marker::FixArray(length));
                Ok(())
            }
            None => self.length(length, None, Marker::Array16, Marker::Array32),
        }
    }

    fn map_length(&mut self, length: usize) -> Result<()> {
        match short(length, 15) {
            Some(length) => {
                self.marker(Marker::FixMap(length));
                Ok(())
            }
            None => self.length(length, None, Marker::Map16, Marker::Map32),
        }
    }

    fn length(&mut self, length: usize, in8: Option<Marker>, in16: Marker, in32: Marker) -> Result<()> {
        if let (Some(marker), Ok(length)) = (in8, u8::try_from(length)) {
            self.marker(marker);
            self.out.push(length);
        } else if let Ok(length) = u16::try_from(length) {
            self.marker(in16);
            self.out.extend(length.to_be_bytes());
        } else {
            let length = u32::try_from(length)
                .map_err(|_| EncodeError::new(format!("a length of {length} does not fit in 32 bits")))?;
            self.marker(in32);
            self.out.extend(length.to_be_bytes());
        }
        Ok(())
    }

    fn marker(&mut self, marker: Marker) {
        self.out.push(marker.to_u8());
    }
}

fn short(length: usize, limit: u8) -> Option<u8> {
    u8::try_from(length).ok().filter(|length| *length <= limit)
}

fn index_step(index: usize) -> Step {
    Step::Index(i64::try_from(index).unwrap_or(i64::MAX))
}

/// Returns the error for a value that does not have the type.
pub(super) fn mismatch(value: &Value, ty: &Type) -> EncodeError {
    EncodeError::new(format!("expected {ty}, found {}", value.kind()))
}
