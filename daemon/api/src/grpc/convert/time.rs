//! Times: protobuf's timestamps, and points in an environment's history.

use jiff::Timestamp;
use kontraktor_domain::Refusal;
use kontraktor_proto::v1;
use kontraktor_store::PointInTime;
use tonic::Status;

use crate::grpc::status::status;

/// A time between the years -9999 and 9999, as jiff has them.
pub(crate) fn time(field: &'static str, time: &prost_types::Timestamp) -> Result<Timestamp, Status> {
    let time = (0..1_000_000_000)
        .contains(&time.nanos)
        .then(|| Timestamp::new(time.seconds, time.nanos).ok())
        .flatten();
    time.ok_or_else(|| status(Refusal::invalid(field, format!("{field} is not a valid time"))))
}

pub(crate) fn timestamp(time: Timestamp) -> prost_types::Timestamp {
    // Protobuf counts nanoseconds forward from the second, also before 1970; jiff counts them toward it.
    let (mut seconds, mut nanos) = (time.as_second(), time.subsec_nanosecond());
    if nanos < 0 {
        seconds -= 1;
        nanos += 1_000_000_000;
    }
    prost_types::Timestamp { seconds, nanos }
}

/// A time of an environment's history; the message must name one.
pub(crate) fn at(field: &'static str, wire: v1::PointInTime) -> Result<PointInTime, Status> {
    match wire.at {
        Some(v1::point_in_time::At::Revision(revision)) => Ok(PointInTime::Revision(revision)),
        Some(v1::point_in_time::At::Time(at)) => time(field, &at).map(PointInTime::Time),
        None => Err(status(
            Refusal::invalid(field, format!("{field} has neither a revision nor a time"))
                .remedy("set one of them, or leave the field out for the current state"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_survive_both_conversions_also_before_1970() {
        for (seconds, nanos) in [(0, 0), (1, 999_999_999), (-1, 1), (1_800_000_000, 123_456_000)] {
            let wire = prost_types::Timestamp { seconds, nanos };
            assert_eq!(timestamp(time("start_time", &wire).unwrap()), wire);
        }
    }

    #[test]
    fn times_out_of_range_are_refused() {
        for (seconds, nanos) in [(i64::MAX, 0), (i64::MIN, 0), (0, -1), (0, 1_000_000_000)] {
            let refused = time("end_time", &prost_types::Timestamp { seconds, nanos }).unwrap_err();
            let problem = kontraktor_proto::problem::from_status(&refused).unwrap();
            assert_eq!((problem.code(), problem.field.as_str()), (v1::ProblemCode::Invalid, "end_time"));
        }
    }
}
