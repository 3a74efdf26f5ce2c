//! plotters drawing onto our SVG.
//!
//! plotters counts whole pixels, so it is told a page a hundred times as large: its pixels are our hundredths.

use std::convert::Infallible;

use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
    FontStyle,
};

use crate::ink::{Dashed, Ink};
use crate::svg::{Anchor, Paint, Svg, Type, text_width};

/// Hundredths in a unit of the viewBox.
pub const SCALE: f64 = 100.0;

pub struct Page<'a>(pub &'a mut Svg);

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

fn unit((x, y): BackendCoord) -> (f64, f64) {
    (f64::from(x) / SCALE, f64::from(y) / SCALE)
}

fn paint<S: BackendStyle>(style: &S, fill: bool) -> Option<Paint> {
    let color = style.color();
    let ink = Ink::from_plotters(color);
    (color.alpha > 0.0).then(|| {
        if fill {
            Paint::fill(ink, color.alpha)
        } else {
            let line =
                Paint::faint_stroke(ink, color.alpha, f64::from(style.stroke_width()) / SCALE);
            if Dashed::is(color) { line.dashed() } else { line }
        }
    })
}

fn letters<T: BackendTextStyle>(style: &T) -> Type {
    Type {
        size: style.size() / SCALE,
        ink: Ink::from_plotters(style.color()),
        anchor: match style.anchor().h_pos {
            HPos::Left => Anchor::Start,
            HPos::Center => Anchor::Middle,
            HPos::Right => Anchor::End,
        },
        bold: matches!(style.style(), FontStyle::Bold),
        mono: false,
        // In a chart a line may pass behind any word.
        halo: true,
    }
}

impl DrawingBackend for Page<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        ((self.0.width() * SCALE) as u32, (self.0.height() * SCALE) as u32)
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, point: BackendCoord, color: BackendColor) -> Drawn {
        self.draw_rect(point, (point.0 + 1, point.1 + 1), &color, true)
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        upper_left: BackendCoord,
        bottom_right: BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        if let Some(paint) = paint(style, fill) {
            let ((x, y), (right, bottom)) = (unit(upper_left), unit(bottom_right));
            self.0.rect((x, y), (right - x, bottom - y), 0.0, &paint);
        }
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        if let Some(paint) = paint(style, false) {
            self.0.path(path.into_iter().map(unit), &paint);
        }
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        center: BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Drawn {
        if let Some(paint) = paint(style, fill) {
            self.0.circle(unit(center), f64::from(radius) / SCALE, &paint);
        }
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        corners: I,
        style: &S,
    ) -> Drawn {
        if let Some(paint) = paint(style, true) {
            self.0.polygon(corners.into_iter().map(unit), &paint);
        }
        Ok(())
    }

    fn draw_text<T: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &T,
        position: BackendCoord,
    ) -> Drawn {
        let letters = letters(style);
        let (x, y) = unit(position);
        // From the edge that plotters means to the baseline.
        let down = match style.anchor().v_pos {
            VPos::Top => 0.8,
            VPos::Center => 0.35,
            VPos::Bottom => -0.2,
        };
        self.0.text((x, y + down * letters.size), letters, text);
        Ok(())
    }

    fn estimate_text_size<T: BackendTextStyle>(
        &self,
        text: &str,
        style: &T,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let letters = letters(style);
        Ok(((text_width(text, letters) * SCALE) as u32, (letters.size * SCALE) as u32))
    }
}
