use super::by_batch_size::{ByBatchSize, two_lines};
use crate::axis::{Axis, extent};
use crate::lang::Lang;

/// The published error of a network, in percent, against the size of its batches in training.
pub fn published(rows: &[ByBatchSize], lang: Lang) -> String {
    let (low, high) = extent(rows.iter().flat_map(|row| [row.batch, row.group]));
    let y = Axis::linear(lang.pick("검증 오류, %", "validation error, %"), low - 2.0, high + 1.0);
    let x = lang.pick("배치 크기 (GPU 하나가 맡은 이미지 수)", "batch size (images per GPU)");
    two_lines(rows, x, &y, lang)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, well_made};

    #[test]
    fn keeps_the_contract() {
        let rows = [(32, 23.6), (4, 27.3), (2, 34.7)].map(|(batch_size, batch)| ByBatchSize {
            batch_size,
            batch,
            group: 24.1,
        });
        check(|lang| published(&rows, lang), "검증 오류", "validation error");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&published(&[], Lang::Ko));
        let one = ByBatchSize { batch_size: 1, batch: f64::NAN, group: 24.0 };
        well_made(&published(&[one], Lang::En));
    }
}
