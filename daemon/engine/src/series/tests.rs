//! Tests of the identity table.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gatherd_model::{CdTime, Identifier, Interval, NameError, Part};
use proptest::prelude::*;

use super::*;
use crate::port::SeriesId;

const NOW: CdTime = CdTime::from_secs(100);

fn register(table: &SeriesTable, text: &str, count: usize, feeder: u32) -> Registered {
    table.register(text, 1, count, feeder, Interval::DEFAULT, NOW).unwrap()
}

#[test]
fn the_same_text_is_the_same_series() {
    let table = SeriesTable::new(10);
    let first = register(&table, "h/p/gauge", 1, 7);
    assert!(first.is_new);
    assert_eq!(register(&table, "h/p/gauge", 1, 7), Registered { is_new: false, ..first });
    assert_eq!(table.find("h/p/gauge"), Some(first.id));
    assert_eq!(table.text(first.id).as_deref(), Some("h/p/gauge"));
    assert_eq!(table.len(), 1);
}

#[test]
fn a_second_feeder_shares_the_slot_and_is_told_of_the_first() {
    let table = SeriesTable::new(10);
    let first = register(&table, "h/p/gauge", 1, 7);
    let second = register(&table, "h/p/gauge", 1, 8);
    assert_eq!(second, Registered { id: first.id, contended_with: Some(7), is_new: false });
}

#[test]
fn another_data_set_begins_the_series_anew() {
    let table = SeriesTable::new(10);
    let one = register(&table, "h/p/gauge", 1, 7);
    let two = register(&table, "h/p/gauge", 2, 7);
    assert_ne!(one.id, two.id);
    assert!(!table.is_alive(one.id));
    assert_eq!(table.find("h/p/gauge"), Some(two.id));
    assert_eq!(table.len(), 1);
}

#[test]
fn the_limit_is_exact_and_expiry_makes_room() {
    let table = SeriesTable::new(2);
    let first = register(&table, "h/p/gauge-1", 1, 7);
    register(&table, "h/p/gauge-2", 1, 7);
    assert_eq!(table.register("h/p/gauge-3", 1, 1, 7, Interval::DEFAULT, NOW), Err(TableFull(2)));
    assert_eq!(table.expire(first.id, |_, _| true).as_deref(), Some("h/p/gauge-1"));
    assert_eq!(table.find("h/p/gauge-1"), None);
    let third = register(&table, "h/p/gauge-3", 1, 7);
    assert_eq!(third.id.index, first.id.index);
    assert_eq!(third.id.generation, first.id.generation + 1);
    assert_eq!(table.text(first.id), None);
}

#[test]
fn a_series_that_is_not_over_stays() {
    let table = SeriesTable::new(2);
    let id = register(&table, "h/p/gauge", 1, 7).id;
    assert_eq!(table.expire(id, |seen, interval| seen != NOW || interval != Interval::DEFAULT.span()), None);
    assert!(table.is_alive(id));
}

#[test]
fn series_of_every_size_keep_their_values_apart() {
    let table = SeriesTable::new(100);
    let ids: Vec<_> =
        (1..=16).map(|count| (count, register(&table, &format!("h/p/t-{count}"), count, 1).id)).collect();
    for (count, id) in &ids {
        let writing = table.slot(*id).unwrap().write(id.generation).unwrap();
        for index in 0..*count {
            writing.set_value(index, (*count * 100 + index) as u64, 0.5);
        }
    }
    let (mut raw, mut rates) = (Vec::new(), Vec::new());
    for (count, id) in &ids {
        table.slot(*id).unwrap().read(id.generation, &mut raw, &mut rates).unwrap();
        let expected: Vec<u64> = (0..*count).map(|index| (*count * 100 + index) as u64).collect();
        assert_eq!(raw, expected);
        assert_eq!(rates, vec![0.5; *count]);
    }
}

#[test]
fn a_walk_shows_every_series_once_and_can_go_on_where_it_stopped() {
    let table = SeriesTable::new(5000);
    for number in 0..3000 {
        register(&table, &format!("h/p/t-{number}"), 1 + number % 2, 1);
    }
    let mut seen = Vec::new();
    let mut from = Some(0);
    while let Some(at) = from {
        let mut page = 0;
        from = table.walk(at, |_, text, _| {
            seen.push(Arc::clone(text));
            page += 1;
            page < 700
        });
    }
    assert_eq!(seen.len(), 3000);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 3000);
}

#[test]
fn a_retired_generation_can_not_be_written_or_read() {
    let table = SeriesTable::new(2);
    let id = register(&table, "h/p/gauge", 1, 7).id;
    table.expire(id, |_, _| true).unwrap();
    let slot = table.slot(id).unwrap();
    assert!(slot.write(id.generation).is_none());
    assert!(slot.read(id.generation, &mut Vec::new(), &mut Vec::new()).is_none());
    assert_eq!(table.slot(SeriesId { index: 77, generation: 0 }).map(|_| ()), Some(()), "same chunk");
    assert!(table.slot(SeriesId { index: 1 << 20, generation: 0 }).is_none(), "no such chunk");
}

#[test]
fn a_reader_never_sees_half_of_two_writes() {
    let table = SeriesTable::new(2);
    let id = register(&table, "h/p/gauge", 5, 7).id;
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut number = 0_u64;
                while !stop.load(Ordering::Relaxed) {
                    number += 1;
                    let writing = table.slot(id).unwrap().write(id.generation).unwrap();
                    for index in 0..5 {
                        writing.set_value(index, number, number as f64);
                    }
                    writing.set_times(CdTime(number), CdTime(1), CdTime(number));
                }
            });
        }
        let (mut raw, mut rates) = (Vec::new(), Vec::new());
        for _ in 0..20_000 {
            let reading = table.slot(id).unwrap().read(id.generation, &mut raw, &mut rates).unwrap();
            if reading.time != CdTime::ZERO {
                assert_eq!(raw, vec![reading.time.0; 5]);
                assert_eq!(rates, vec![reading.time.0 as f64; 5]);
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn registering_and_expiring_at_once_loses_no_slot() {
    let table = SeriesTable::new(64);
    std::thread::scope(|scope| {
        for worker in 0..3_u32 {
            let table = &table;
            scope.spawn(move || {
                for round in 0..3000_u32 {
                    let text = format!("h/p/gauge-{}", (round + worker) % 5);
                    let id = register(table, &text, 1 + (round % 2) as usize, worker).id;
                    table.expire(id, |_, _| round % 3 == 0);
                }
            });
        }
    });
    let mut shown = 0;
    table.walk(0, |id, text, _| {
        shown += 1;
        assert_eq!(table.find(text), Some(id));
        true
    });
    assert_eq!(shown, table.len());
    assert!(shown <= 5);
}

#[test]
fn parts_name_what_is_wrong_with_them() {
    let mut text = String::new();
    let parts = Parts { host: "", plugin: "", plugin_instance: "", type_name: "gauge", type_instance: "" };
    assert_eq!(parts.write_text("own", &mut text), Err(NameError::Empty(Part::Plugin)));
    let long = "x".repeat(128);
    let parts = Parts { plugin: "p", plugin_instance: &long, ..parts };
    assert_eq!(
        parts.write_text("own", &mut text),
        Err(NameError::TooLong { part: Part::PluginInstance, length: 128 })
    );
}

proptest! {
    #[test]
    fn parts_make_the_same_text_as_an_identifier(
        host in "[a-z./]{0,8}", plugin in "[a-z/-]{0,8}", pi in "[a-z/-]{0,8}",
        ty in "[a-z/-]{0,8}", ti in "[a-z/-]{0,8}",
    ) {
        let parts = Parts { host: &host, plugin: &plugin, plugin_instance: &pi, type_name: &ty, type_instance: &ti };
        let mut text = String::new();
        let own = Identifier::new(&host, &plugin, &pi, &ty, &ti);
        match parts.write_text("", &mut text) {
            Ok(()) => {
                let own = own.unwrap();
                prop_assert_eq!(&text, &own.to_string());
                let read = Parts::of(&text);
                prop_assert_eq!(read.host, &*own.host);
                prop_assert_eq!(read.plugin_instance, &*own.plugin_instance);
                prop_assert_eq!(read.type_instance, &*own.type_instance);
            }
            Err(_) => prop_assert!(own.is_err()),
        }
    }
}
