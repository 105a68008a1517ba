//! Numbers of OTLP in JSON: those of 64 bits may be texts, floats may be `"NaN"`, `"Infinity"` and `"-Infinity"`.
//!
//! # Semantics
//! Protobuf's mapping to JSON, as the OTLP specification narrows it; enums are accepted by number and by name.

use serde::de::{Deserializer, Error};
use serde::{Deserialize, de::DeserializeOwned};
use std::str::FromStr;

/// A number, or its text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number<T> {
    Number(T),
    Text(String),
}

impl<T: FromStr> Number<T> {
    fn value<E: Error>(self) -> Result<T, E> {
        match self {
            Self::Number(n) => Ok(n),
            // Rust reads protobuf's names of floats as well: NaN, Infinity, -Infinity.
            Self::Text(text) => text.parse().map_err(|_| E::custom(format_args!("{text:?} is no such number"))),
        }
    }
}

fn one<'de, T: FromStr + DeserializeOwned, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    Number::<T>::deserialize(from)?.value()
}

fn many<'de, T: FromStr + DeserializeOwned, D: Deserializer<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    Vec::<Number<T>>::deserialize(from)?.into_iter().map(Number::value).collect()
}

fn some<'de, T: FromStr + DeserializeOwned, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    Option::<Number<T>>::deserialize(from)?.map(Number::value).transpose()
}

pub(super) fn u64<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    one(from)
}

pub(super) fn u64s<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u64>, D::Error> {
    many(from)
}

pub(super) fn some_i64<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    some(from)
}

pub(super) fn f64<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    one(from)
}

pub(super) fn f64s<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f64>, D::Error> {
    many(from)
}

pub(super) fn some_f64<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    some(from)
}

/// 1 is delta, 2 is cumulative; anything else is unspecified.
pub(super) fn temporality<'de, D: Deserializer<'de>>(from: D) -> Result<i32, D::Error> {
    Ok(match Number::<i32>::deserialize(from)? {
        Number::Number(n) => n,
        Number::Text(name) => match name.as_str() {
            "AGGREGATION_TEMPORALITY_DELTA" => super::DELTA,
            "AGGREGATION_TEMPORALITY_CUMULATIVE" => super::CUMULATIVE,
            _ => 0,
        },
    })
}
