use super::by_batch_size::{ByBatchSize, two_lines};
use crate::axis::{Axis, extent};
use crate::lang::Lang;

/// How far the output for one image spreads over random batches that it is in, against the size of these batches.
pub fn noise(rows: &[ByBatchSize], lang: Lang) -> String {
    let (_, high) = extent(rows.iter().flat_map(|row| [row.batch, row.group]));
    let name = lang.pick(
        "같은 이미지의 출력이 흩어진 정도 (표준편차)",
        "spread of one image's output (standard deviation)",
    );
    let y = Axis::linear(name, 0.0, high * 1.08);
    two_lines(rows, lang.pick("배치 크기", "batch size"), &y, lang)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, well_made};

    #[test]
    fn keeps_the_contract() {
        let rows = [(2, 0.4), (8, 0.2), (32, 0.1)].map(|(batch_size, batch)| ByBatchSize {
            batch_size,
            batch,
            group: 0.0,
        });
        check(|lang| noise(&rows, lang), "흩어진 정도", "spread of one image");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&noise(&[], Lang::Ko));
        let one = ByBatchSize { batch_size: 1, batch: f64::NAN, group: 0.0 };
        well_made(&noise(&[one], Lang::En));
    }
}
