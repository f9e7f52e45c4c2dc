//! The JSON encoding of values, which hosts use for stored state. It cannot represent unknown values.

use std::{collections::BTreeMap, fmt};

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde_json::value::RawValue;

use super::{
    DecodeError, EncodeError, MAX_DEPTH, Number, ObjectType, Step, Type, Value, encode::mismatch, nfc,
};

impl Value {
    /// Decodes one JSON value of type `ty`. A missing attribute is null; an unknown attribute is an error. As in cty, strings are
    /// converted to numbers and bools, and numbers and bools to strings.
    ///
    /// # Errors
    /// If the text is not JSON, not a value of that type, or nested deeper than [`MAX_DEPTH`].
    pub fn from_json(json: &[u8], ty: &Type) -> Result<Self, DecodeError> {
        read(json, ty, Reading { lenient: false, depth: MAX_DEPTH })
    }

    /// Decodes like [`Value::from_json`], but ignores unknown attributes: state written by an older provider may contain attributes
    /// that were removed since.
    ///
    /// # Errors
    /// As for [`Value::from_json`], except for unknown attributes.
    pub fn from_json_lenient(json: &[u8], ty: &Type) -> Result<Self, DecodeError> {
        read(json, ty, Reading { lenient: true, depth: MAX_DEPTH })
    }

    /// Encodes the value as JSON of type `ty`.
    ///
    /// # Errors
    /// If the value does not conform to the type, or contains unknown values.
    pub fn to_json(&self, ty: &Type) -> Result<Vec<u8>, EncodeError> {
        let mut out = String::new();
        write(&mut out, self, ty, MAX_DEPTH)?;
        Ok(out.into_bytes())
    }
}

fn read(json: &[u8], ty: &Type, reading: Reading) -> Result<Value, DecodeError> {
    let located = std::cell::RefCell::new(Vec::new());
    let mut json = serde_json::Deserializer::from_slice(json);
    let seed = Seed { ty, reading, path: &located };
    let value = seed.deserialize(&mut json).and_then(|value| json.end().map(|()| value));
    value.map_err(|e| {
        let steps = located.into_inner();
        steps.into_iter().fold(DecodeError::new(e.to_string()), DecodeError::under)
    })
}

#[derive(Clone, Copy)]
struct Reading {
    /// Whether unknown attributes are ignored.
    lenient: bool,
    /// The remaining nesting depth.
    depth: usize,
}

/// Decodes a value of a type that is known only at run time.
#[derive(Clone, Copy)]
struct Seed<'a> {
    ty: &'a Type,
    reading: Reading,
    /// The steps to an error, from the inside out; filled on the way back.
    path: &'a std::cell::RefCell<Vec<Step>>,
}

impl<'a> Seed<'a> {
    fn inner(&self, ty: &'a Type) -> Self {
        Self { ty, ..*self }
    }

    fn step<T, E>(&self, result: Result<T, E>, step: impl FnOnce() -> Step) -> Result<T, E> {
        if result.is_err() {
            self.path.borrow_mut().push(step());
        }
        result
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(mut self, json: D) -> Result<Value, D::Error> {
        let Some(depth) = self.reading.depth.checked_sub(1) else {
            return Err(D::Error::custom(format!("the nesting is deeper than {MAX_DEPTH}")));
        };
        self.reading.depth = depth;
        match self.ty {
            // The original text of a number is needed, because a float would not be exact.
            Type::Bool | Type::Number | Type::String => {
                let raw = <&RawValue as serde::Deserialize>::deserialize(json)?;
                primitive(raw.get(), self.ty).map_err(D::Error::custom)
            }
            _ => json.deserialize_any(self),
        }
    }
}

/// Decodes a bool, number or string, with cty's conversions.
fn primitive(raw: &str, ty: &Type) -> Result<Value, String> {
    let text = match raw.as_bytes().first() {
        Some(b'n') => return Ok(Value::Null),
        Some(b'"') => serde_json::from_str::<String>(raw).map_err(|e| e.to_string())?,
        Some(b'[' | b'{') => return Err(format!("expected {ty}, found an array or object")),
        _ => raw.to_owned(),
    };
    let is_bool = matches!(raw, "true" | "false");
    match ty {
        Type::Bool => match text.as_str() {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err("expected a bool".to_owned()),
        },
        Type::Number if is_bool => Err("expected a number, found a bool".to_owned()),
        Type::Number => {
            text.parse::<Number>().map(Value::Number).map_err(|e| format!("expected a number: {e}"))
        }
        _ => Ok(Value::String(nfc(text))),
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a value of type {}", self.ty)
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    // Without these, the error would repeat the text or number, which may be sensitive.
    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<Value, E> {
        Err(E::invalid_type(Unexpected::Other("a string"), &self))
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<Value, E> {
        Err(E::invalid_type(Unexpected::Other("a bool"), &self))
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Value, E> {
        Err(E::invalid_type(Unexpected::Other("a number"), &self))
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Value, E> {
        Err(E::invalid_type(Unexpected::Other("a number"), &self))
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Value, E> {
        Err(E::invalid_type(Unexpected::Other("a number"), &self))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut json: A) -> Result<Value, A::Error> {
        let mut elements = Vec::new();
        let step = |index| Step::Index(i64::try_from(index).unwrap_or(i64::MAX));
        match self.ty {
            Type::List(ty) | Type::Set(ty) => {
                let seed = self.inner(ty);
                while let Some(value) = self.step(json.next_element_seed(seed), || step(elements.len()))? {
                    elements.push(value);
                }
            }
            Type::Tuple(types) => {
                for ty in types {
                    let seed = self.inner(ty);
                    let value = self.step(json.next_element_seed(seed), || step(elements.len()))?;
                    elements.push(value.ok_or_else(|| A::Error::invalid_length(elements.len(), &self))?);
                }
                if json.next_element::<IgnoredAny>()?.is_some() {
                    return Err(A::Error::invalid_length(types.len() + 1, &self));
                }
            }
            _ => return Err(A::Error::invalid_type(Unexpected::Seq, &self)),
        }
        Ok(Value::List(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, json: A) -> Result<Value, A::Error> {
        match self.ty {
            Type::Map(ty) => self.map(ty, json),
            Type::Object(object) => self.object(object, json),
            Type::Dynamic => self.dynamic(json),
            _ => Err(A::Error::invalid_type(Unexpected::Map, &self)),
        }
    }
}

impl Seed<'_> {
    fn map<'de, A: MapAccess<'de>>(self, ty: &Type, mut json: A) -> Result<Value, A::Error> {
        let mut elements = BTreeMap::new();
        while let Some(key) = json.next_key::<String>()? {
            let key = nfc(key);
            let seed = Seed { ty, reading: self.reading, path: self.path };
            let value = self.step(json.next_value_seed(seed), || Step::Key(key.clone()))?;
            if elements.contains_key(&key) {
                return self.step(Err(A::Error::custom("duplicate key")), || Step::Key(key));
            }
            elements.insert(key, value);
        }
        Ok(Value::Map(elements))
    }

    fn object<'de, A: MapAccess<'de>>(self, object: &ObjectType, mut json: A) -> Result<Value, A::Error> {
        let mut attributes = BTreeMap::new();
        while let Some(name) = json.next_key::<String>()? {
            let name = nfc(name);
            let Some(ty) = object.attributes.get(&name) else {
                if self.reading.lenient {
                    json.next_value::<IgnoredAny>()?;
                    continue;
                }
                let error = A::Error::custom("unknown attribute");
                return self.step(Err(error), || Step::Attribute(name));
            };
            let seed = Seed { ty, reading: self.reading, path: self.path };
            let value = self.step(json.next_value_seed(seed), || Step::Attribute(name.clone()))?;
            if attributes.contains_key(&name) {
                return self.step(Err(A::Error::custom("duplicate attribute")), || Step::Attribute(name));
            }
            attributes.insert(name, value);
        }
        for name in object.attributes.keys() {
            if !attributes.contains_key(name) {
                attributes.insert(name.clone(), Value::Null);
            }
        }
        Ok(Value::Map(attributes))
    }

    /// Decodes `{"type": …, "value": …}`, in either order.
    fn dynamic<'de, A: MapAccess<'de>>(self, mut json: A) -> Result<Value, A::Error> {
        let (mut ty, mut value) = (None, None);
        while let Some(key) = json.next_key::<String>()? {
            let slot: &mut Option<&RawValue> = match key.as_str() {
                "type" => &mut ty,
                "value" => &mut value,
                _ => return Err(A::Error::custom("unknown field: a dynamic value has only type and value")),
            };
            if slot.replace(json.next_value()?).is_some() {
                return Err(A::Error::duplicate_field(if key == "type" { "type" } else { "value" }));
            }
        }
        let ty = ty.ok_or_else(|| A::Error::missing_field("type"))?;
        let value = value.ok_or_else(|| A::Error::missing_field("value"))?;
        let ty = Type::from_json(ty.get().as_bytes()).map_err(A::Error::custom)?;
        let mut inner = serde_json::Deserializer::from_str(value.get());
        let seed = Seed { ty: &ty, reading: self.reading, path: self.path };
        let value = seed.deserialize(&mut inner).map_err(A::Error::custom)?;
        Ok(Value::dynamic(ty, value))
    }
}

fn write(out: &mut String, value: &Value, ty: &Type, depth: usize) -> Result<(), EncodeError> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(EncodeError::new(format!("the nesting is deeper than {MAX_DEPTH}")));
    };
    match (value, ty) {
        (Value::Null, _) => out.push_str("null"),
        (Value::Unknown, _) => {
            return Err(EncodeError::new("the value is unknown, which JSON cannot represent"));
        }
        (Value::Bool(truth), Type::Bool) => out.push_str(if *truth { "true" } else { "false" }),
        (Value::Number(number), Type::Number) => out.push_str(&number.to_string()),
        (Value::String(text), Type::String) => push_text(out, text),
        (Value::List(elements), Type::List(ty) | Type::Set(ty)) => {
            write_list(out, elements, std::iter::repeat(ty.as_ref()), depth)?;
        }
        (Value::List(elements), Type::Tuple(types)) if elements.len() == types.len() => {
            write_list(out, elements, types.iter(), depth)?;
        }
        (Value::Map(elements), Type::Map(ty)) => {
            let entries = elements.iter().map(|(key, value)| (key, value, ty.as_ref()));
            write_map(out, entries, Step::Key, depth)?;
        }
        (Value::Map(attributes), Type::Object(object)) => {
            if let Some(name) = attributes.keys().find(|name| !object.attributes.contains_key(*name)) {
                return Err(EncodeError::new("unknown attribute").under(Step::Attribute(name.clone())));
            }
            if let Some(name) = object.attributes.keys().find(|name| !attributes.contains_key(*name)) {
                return Err(EncodeError::new("missing attribute").under(Step::Attribute(name.clone())));
            }
            let entries = attributes.iter().zip(object.attributes.values());
            let entries = entries.map(|((name, value), ty)| (name, value, ty));
            write_map(out, entries, Step::Attribute, depth)?;
        }
        (Value::Dynamic(inner), Type::Dynamic) => {
            let (ty, value) = inner.as_ref();
            out.push_str("{\"value\":");
            write(out, value, ty, depth)?;
            out.push_str(",\"type\":");
            out.push_str(&String::from_utf8_lossy(&ty.to_json()));
            out.push('}');
        }
        _ => return Err(mismatch(value, ty)),
    }
    Ok(())
}

fn write_list<'a>(
    out: &mut String,
    elements: &[Value],
    types: impl Iterator<Item = &'a Type>,
    depth: usize,
) -> Result<(), EncodeError> {
    out.push('[');
    for (index, (element, ty)) in elements.iter().zip(types).enumerate() {
        if index > 0 {
            out.push(',');
        }
        let step = || Step::Index(i64::try_from(index).unwrap_or(i64::MAX));
        write(out, element, ty, depth).map_err(|e| e.under(step()))?;
    }
    out.push(']');
    Ok(())
}

fn write_map<'a>(
    out: &mut String,
    entries: impl Iterator<Item = (&'a String, &'a Value, &'a Type)>,
    step: fn(String) -> Step,
    depth: usize,
) -> Result<(), EncodeError> {
    out.push('{');
    for (index, (key, value, ty)) in entries.enumerate() {
        if index > 0 {
            out.push(',');
        }
        push_text(out, key);
        out.push(':');
        write(out, value, ty, depth).map_err(|e| e.under(step(key.clone())))?;
    }
    out.push('}');
    Ok(())
}

fn push_text(out: &mut String, text: &str) {
    out.push_str(&serde_json::Value::String(nfc(text.to_owned())).to_string());
}
