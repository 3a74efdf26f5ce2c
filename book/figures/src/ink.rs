//! The palette: inks, each a CSS variable with a fallback, so that one SVG serves light and dark pages.
//!
//! The six hues are those of Okabe and Ito, which readers with any of the common colour deficiencies tell apart.

use plotters::style::Color;
use plotters_backend::BackendColor;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// The colour of the text around the figure.
    Text,
    Muted,
    Grid,
    Blue,
    Vermillion,
    Green,
    Purple,
    Orange,
    Sky,
    /// What a photograph is made of: the same under every theme.
    Black,
    White,
}

impl Ink {
    const ALL: [Ink; 11] = [
        Ink::Text,
        Ink::Muted,
        Ink::Grid,
        Ink::Blue,
        Ink::Vermillion,
        Ink::Green,
        Ink::Purple,
        Ink::Orange,
        Ink::Sky,
        Ink::Black,
        Ink::White,
    ];

    /// The ink of the `index`-th series of a chart; after the sixth they repeat.
    pub fn series(index: usize) -> Ink {
        Ink::ALL[3 + index % 6]
    }

    pub fn css(self) -> &'static str {
        match self {
            Ink::Text => "currentColor",
            Ink::Muted => "var(--fig-muted, #777)",
            Ink::Grid => "var(--fig-grid, #ccc)",
            Ink::Blue => "var(--fig-1, #0072b2)",
            Ink::Vermillion => "var(--fig-2, #d55e00)",
            Ink::Green => "var(--fig-3, #009e73)",
            Ink::Purple => "var(--fig-4, #cc79a7)",
            Ink::Orange => "var(--fig-5, #e69f00)",
            Ink::Sky => "var(--fig-6, #56b4e9)",
            Ink::Black => "var(--fig-black, #000)",
            Ink::White => "var(--fig-white, #fff)",
        }
    }

    /// plotters knows colours as numbers only, so an ink travels through it as its place in the palette.
    pub(crate) fn from_plotters(color: BackendColor) -> Ink {
        let place = usize::from(color.rgb.0);
        Ink::ALL.get(place).copied().unwrap_or(Ink::Text)
    }
}

impl Color for Ink {
    fn to_backend_color(&self) -> BackendColor {
        BackendColor { alpha: 1.0, rgb: (*self as u8, 0, 0) }
    }
}

/// A dashed line in an ink: for theory, bounds and guides, beside what was measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dashed(pub Ink);

impl Dashed {
    pub fn is(color: BackendColor) -> bool {
        color.rgb.1 == 1
    }
}

impl Color for Dashed {
    fn to_backend_color(&self) -> BackendColor {
        BackendColor { alpha: 1.0, rgb: (self.0 as u8, 1, 0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plotters::style::Color;

    #[test]
    fn every_ink_survives_the_way_through_plotters() {
        for ink in Ink::ALL {
            assert_eq!(Ink::from_plotters(ink.mix(0.3).to_backend_color()), ink);
        }
    }
}
