"""The fourteen harmonic patterns as a table: which legs stand in which ratio, and who says so."""

# Five pivots X, A, B, C, D; P is the pivot before X. Names of ratios: AB/XA is |AB| / |XA|. A pattern leaves a ratio
# free with ANY. The table's order is the order of precedence: where several patterns match, the first one stands.

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

ANY = (0.0, float("inf"))


class Harmonic(IntEnum):
    """The patterns, numbered as the features report them; 0 stands for none."""

    GARTLEY = 1
    BAT = 2
    ALTERNATE_BAT = 3
    CRAB = 4
    DEEP_CRAB = 5
    BUTTERFLY = 6
    LEONARDO = 7
    CYPHER = 8
    NEN_STAR = 9
    SHARK = 10
    THREE_DRIVES = 11
    WHITE_SWAN = 12
    AB_CD = 13
    SEA_PONY = 14


class Leg(IntEnum):
    """The ratios, as columns of the table. Those from `CD_BC` on say where D lies."""

    XA_PX = 0
    AB_XA = 1
    BC_AB = 2
    XC_XA = 3
    CD_BC = 4
    AD_XA = 5
    CD_XC = 6
    CD_AB = 7


type Range = tuple[float, float]


class HarmonicRatios(NamedTuple):
    """
    One pattern.

    Each ratio is the range it may take, before tolerance. `stop_leg` and `stop` say how far beyond the zone the
    pattern is given up, as a ratio of that leg; for tolerances of up to 0.1 it lies outside the zone.
    """

    pattern: Harmonic
    stop_leg: Leg
    stop: float
    source: str
    differences: str
    xa_px: Range = ANY
    ab_xa: Range = ANY
    bc_ab: Range = ANY
    xc_xa: Range = ANY
    cd_bc: Range = ANY
    ad_xa: Range = ANY
    cd_xc: Range = ANY
    cd_ab: Range = ANY

    @property
    def ranges(self) -> tuple[Range, ...]:
        """The ratios in the order of `Leg`."""
        return (
            self.xa_px,
            self.ab_xa,
            self.bc_ab,
            self.xc_xa,
            self.cd_bc,
            self.ad_xa,
            self.cd_xc,
            self.cd_ab,
        )


_CARNEY = "Carney (2010), Harmonic Trading, vol. 1"
_RETRACED = (0.382, 0.886)

HARMONICS: tuple[HarmonicRatios, ...] = (
    HarmonicRatios(
        Harmonic.GARTLEY,
        Leg.AD_XA,
        1.0,
        f"shape: Gartley (1935), Profits in the Stock Market; ratios: {_CARNEY}; Carney (1998), The Harmonic Trader",
        "Gartley gives no such ratios. Pesavento's appendix (quoted at fxtrading-software.com/tradermagazine2.htm) "
        "has C at 0.618 to 0.786 and the BC projection from 1.27; a D at 0.618 of XA is also in use",
        ab_xa=(0.618, 0.618),
        bc_ab=_RETRACED,
        cd_bc=(1.13, 1.618),
        ad_xa=(0.786, 0.786),
    ),
    HarmonicRatios(
        Harmonic.BAT,
        Leg.AD_XA,
        1.0,
        f"{_CARNEY}; harmonictrader.com",
        "Carney also allows any B below 0.618; tables in use set it to 0.382 to 0.5",
        ab_xa=(0.382, 0.5),
        bc_ab=_RETRACED,
        cd_bc=(1.618, 2.618),
        ad_xa=(0.886, 0.886),
    ),
    HarmonicRatios(
        Harmonic.ALTERNATE_BAT,
        Leg.AD_XA,
        1.27,
        "Carney (2003), harmonictrader.com, Alternate Bat: B at 0.382 or less, D at 1.13 of XA, BC projection from 2.0",
        "Carney's B may be shallower than 0.382; the tables in use set it to 0.382, as here",
        ab_xa=(0.382, 0.382),
        bc_ab=_RETRACED,
        cd_bc=(2.0, 3.618),
        ad_xa=(1.13, 1.13),
    ),
    HarmonicRatios(
        Harmonic.CRAB,
        Leg.AD_XA,
        2.0,
        f"{_CARNEY}, p. 136 (D at 1.618 of XA); harmonictrader.com",
        "The book's page names BC projections of 2.618, 3.14 and 3.618; the web page and most tables start at 2.24",
        ab_xa=(0.382, 0.618),
        bc_ab=_RETRACED,
        cd_bc=(2.24, 3.618),
        ad_xa=(1.618, 1.618),
    ),
    HarmonicRatios(
        Harmonic.DEEP_CRAB,
        Leg.AD_XA,
        2.0,
        "Carney, harmonictrader.com: as the Crab, with B at 0.886 of XA",
        "BC projections are given from 2.0, 2.24 or 2.618 on; Carney also lets B lie between 0.886 and X",
        ab_xa=(0.886, 0.886),
        bc_ab=_RETRACED,
        cd_bc=(2.0, 3.618),
        ad_xa=(1.618, 1.618),
    ),
    HarmonicRatios(
        Harmonic.BUTTERFLY,
        Leg.AD_XA,
        1.414,
        f"found by Gilmore; ratios: {_CARNEY}",
        "Carney (1998) also takes D at 1.618 of XA, and tables in use anything from 1.27 to 1.618; his ideal is 1.27. "
        "The BC projection ends at 2.24 or 2.618",
        ab_xa=(0.786, 0.786),
        bc_ab=_RETRACED,
        cd_bc=(1.618, 2.24),
        ad_xa=(1.27, 1.27),
    ),
    HarmonicRatios(
        Harmonic.LEONARDO,
        Leg.AD_XA,
        1.0,
        "table of the ZUP indicator's patterns (Neumoin, mql5.com/en/articles/1468); "
        "fiboteamschool.pl/formacja-harmoniczna-leonarda (B at 0.5, D at 0.786 of XA, C within A)",
        "no book; the sources agree",
        ab_xa=(0.5, 0.5),
        bc_ab=_RETRACED,
        cd_bc=(1.128, 2.618),
        ad_xa=(0.786, 0.786),
    ),
    HarmonicRatios(
        Harmonic.CYPHER,
        Leg.AD_XA,
        1.0,
        "Oglesbee; tradingview.com/chart/EURUSD/MKQhcBw9 (C at 1.272 to 1.414 of XA, D at 0.786 of XC)",
        "Others measure C as 1.13 to 1.414 of AB, and D as 0.786 of XA",
        ab_xa=(0.382, 0.618),
        xc_xa=(1.272, 1.414),
        cd_xc=(0.786, 0.786),
    ),
    HarmonicRatios(
        Harmonic.NEN_STAR,
        Leg.AD_XA,
        1.414,
        "Kerkez; globaltradingsoftware.com, Nen Star (B 0.382 to 0.618, C 1.13 to 1.414, BC 1.27 to 2.0, D 1.27 of XA)",
        "The ZUP table has C at 1.414 to 2.14 of AB; ontrd.com lets B reach 0.786, BC 2.618 and D 1.13 to 1.272",
        ab_xa=(0.382, 0.618),
        bc_ab=(1.13, 1.414),
        cd_bc=(1.272, 2.0),
        ad_xa=(1.272, 1.272),
    ),
    HarmonicRatios(
        Harmonic.SHARK,
        Leg.AD_XA,
        1.27,
        "Carney (2011), harmonictrader.com; his points 0, X, A, B, C are X, A, B, C, D here",
        "Carney leaves the first retracement free, some tables demand 0.382 to 0.618; some measure D on XC, not XA",
        bc_ab=(1.13, 1.618),
        cd_bc=(1.618, 2.24),
        ad_xa=(0.886, 1.13),
    ),
    HarmonicRatios(
        Harmonic.THREE_DRIVES,
        Leg.CD_BC,
        2.0,
        "Carney, harmonictrader.com: each drive ends at 1.27 or 1.618 of the retracement before; retracements of 0.618 "
        "or 0.786: forexpeacearmy.com, chapter 17, part IV, 3-Drive pattern",
        "Six pivots: the drives end at X, B and D and the first starts at P. Anything between the two ratios counts",
        xa_px=(0.618, 0.786),
        ab_xa=(1.27, 1.618),
        bc_ab=(0.618, 0.786),
        cd_bc=(1.27, 1.618),
    ),
    HarmonicRatios(
        Harmonic.WHITE_SWAN,
        Leg.AD_XA,
        1.0,
        "ontrd.com, White Swan and Black Swan (B 0.382 to 0.768, C 2.0 to 4.237, BC 0.5 to 0.882, D 0.382 to 0.882); "
        "upper ends 0.724 and 0.886 from the MT5 table (mql5.com/en/market/product/1418)",
        "That table swaps the names White and Black Swan: its White Swan has B at 1.382 to 2.618 of XA",
        ab_xa=(0.382, 0.724),
        bc_ab=(2.0, 4.237),
        cd_bc=(0.5, 0.886),
        ad_xa=(0.382, 0.886),
    ),
    HarmonicRatios(
        Harmonic.AB_CD,
        Leg.CD_AB,
        1.27,
        f"{_CARNEY}, ch. 4, and harmonictrader.com: C at 0.382 to 0.886, BC projection 1.13 to 2.618",
        "Carney's ideal pattern has C at 0.618 or 0.786 only; his alternate patterns with CD of 1.27 or 1.618 AB are "
        "not counted",
        bc_ab=_RETRACED,
        cd_bc=(1.13, 2.618),
        cd_ab=(1.0, 1.0),
    ),
    HarmonicRatios(
        Harmonic.SEA_PONY,
        Leg.CD_BC,
        3.14,
        "table of the ZUP indicator's patterns, as printed at ea666.cn/goods.php?id=29714",
        "no book, and no second source with ratios was found. Its ranges are so wide that noise fills them",
        ab_xa=(0.128, 3.618),
        bc_ab=(0.382, 0.5),
        cd_bc=(1.618, 2.618),
        ad_xa=(0.618, 3.618),
    ),
)

ROW = 2 * len(Leg) + 2
"""Words of a pattern in `TABLE`: low and high of each ratio, the stop's leg and ratio."""

TABLE: tuple[float, ...] = tuple(
    float(word)
    for ratios in HARMONICS
    for word in (*(end for both in ratios.ranges for end in both), ratios.stop_leg, ratios.stop)
)
"""The same as numbers, for compiled code."""
