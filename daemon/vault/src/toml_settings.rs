//! Settings from TOML. They are deserialized by this module and not by the parser, whose errors are texts with the value in
//! them: here they are a [`SettingError`].

use std::{iter::Enumerate, vec::IntoIter};

use serde::{
    Deserializer,
    de::{
        DeserializeOwned, DeserializeSeed, Error as _, IntoDeserializer, MapAccess, SeqAccess, Visitor,
        value::MapAccessDeserializer,
    },
    forward_to_deserialize_any,
};
use toml::{Table, Value};

use super::setting_error::SettingError;

/// Reads settings from a text in TOML.
///
/// # Errors
/// The setting that is wrong, never its value, or where the text is not TOML.
pub fn read_config<T: DeserializeOwned>(text: &str) -> Result<T, SettingError> {
    let table = toml::from_str(text).map_err(|error| SettingError::syntax(text, &error))?;
    read_table(table)
}

/// Reads settings from a table. As [`read_config`].
pub(crate) fn read_table<T: DeserializeOwned>(table: Table) -> Result<T, SettingError> {
    T::deserialize(Setting(Value::Table(table)))
}

/// The value of a setting.
struct Setting(Value);

impl<'de> Deserializer<'de> for Setting {
    type Error = SettingError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, SettingError> {
        match self.0 {
            Value::String(text) => visitor.visit_string(text),
            Value::Integer(number) => visitor.visit_i64(number),
            Value::Float(number) => visitor.visit_f64(number),
            Value::Boolean(flag) => visitor.visit_bool(flag),
            Value::Datetime(time) => visitor.visit_string(time.to_string()),
            Value::Array(items) => visitor.visit_seq(Items(items.into_iter().enumerate())),
            Value::Table(table) => visitor.visit_map(Settings::new(table)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, SettingError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, SettingError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, SettingError> {
        match self.0 {
            Value::String(text) => visitor.visit_enum(text.into_deserializer()),
            Value::Table(table) => visitor.visit_enum(MapAccessDeserializer::new(Settings::new(table))),
            _ => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

/// The items of an array that are left. Each adds its number to the path of its errors.
struct Items(Enumerate<IntoIter<Value>>);

impl<'de> SeqAccess<'de> for Items {
    type Error = SettingError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, SettingError> {
        let Some((number, value)) = self.0.next() else { return Ok(None) };
        seed.deserialize(Setting(value)).map(Some).map_err(|error| error.within(number.to_string()))
    }
}

/// The settings of a table that are left. Each adds its name to the path of its errors.
struct Settings {
    left: toml::map::IntoIter<String, Value>,
    /// The setting whose name was read last, and whose value is next.
    current: Option<(String, Value)>,
}

impl Settings {
    fn new(table: Table) -> Self {
        Self { left: table.into_iter(), current: None }
    }
}

impl<'de> MapAccess<'de> for Settings {
    type Error = SettingError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, SettingError> {
        self.current = self.left.next();
        let Some((name, _)) = &self.current else { return Ok(None) };
        seed.deserialize(name.as_str().into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, SettingError> {
        let current = self.current.take();
        let (name, value) = current.ok_or_else(|| SettingError::custom("no name was read before"))?;
        seed.deserialize(Setting(value)).map_err(|error| error.within(name))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Sample {
        text: Text,
        time: String,
        number: i64,
        ratio: f64,
        flag: Option<bool>,
        absent: Option<bool>,
        words: Vec<Word>,
        table: BTreeMap<String, (u8, u8)>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Text(String);

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Word {
        Yes,
        Custom(String),
    }

    #[test]
    fn every_type_of_toml_is_read() {
        let text = "text = 'a'\ntime = 1979-05-27T07:32:00Z\nnumber = -1\nratio = 0.5\nflag = true\n\
                    words = ['yes', { custom = 'b' }]\n[table]\nc = [1, 2]\n";
        let expected = Sample {
            text: Text("a".to_owned()),
            time: "1979-05-27T07:32:00Z".to_owned(),
            number: -1,
            ratio: 0.5,
            flag: Some(true),
            absent: None,
            words: vec![Word::Yes, Word::Custom("b".to_owned())],
            table: BTreeMap::from([("c".to_owned(), (1, 2))]),
        };
        assert_eq!(read_config(text), Ok(expected));
    }
}
