"""Put a chart's SVG into a page that stands alone, with a pointer that reads the values under it."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import NamedTuple

from catalog.model import F64, I64

_CSS = """
body{margin:0;background:#f6f8fa;color:#17202c;font:13px/1.45 Inter,"Segoe UI",system-ui,Arial,sans-serif;
font-variant-numeric:tabular-nums}
figure{position:relative;max-width:1200px;margin:20px auto;background:#fff;border:1px solid #e3e8ef;border-radius:12px;
padding:10px}
figure svg{display:block;width:100%;height:auto}
#area{position:relative}
#rule{position:absolute;top:0;bottom:0;width:1px;background:#64718a;pointer-events:none}
#reading{position:absolute;pointer-events:none;background:#ffffffee;border:1px solid #cfd7e2;border-radius:8px;
padding:6px 10px;white-space:nowrap;box-shadow:0 2px 8px #17202c1f}
#reading b{display:block}
#reading span{color:#64718a;display:inline-block;min-width:11em;padding-right:1em}
"""

_SCRIPT = """
const d=JSON.parse(document.getElementById("data").textContent),area=document.getElementById("area"),
rule=document.getElementById("rule"),box=document.getElementById("reading");
area.addEventListener("pointermove",e=>{
 const r=area.getBoundingClientRect(),x=(e.clientX-r.left)/r.width,y=(e.clientY-r.top)/r.height;
 const at=(x-d.left)/(d.right-d.left)*(d.end-d.begin)+d.begin;
 if(x<d.left||x>d.right){rule.hidden=box.hidden=true;return}
 let low=0,high=d.at.length-1;
 while(low<high){const m=(low+high)>>1;if(d.at[m]<at)low=m+1;else high=m}
 if(low>0&&at-d.at[low-1]<d.at[low]-at)low--;
 const pane=d.panes.find(p=>y>=p.top-.01&&y<=p.bottom+.01)||d.panes[0];
 box.replaceChildren();
 const head=document.createElement("b");head.textContent=d.when[low];box.append(head);
 for(const [name,values] of pane.lines){
  const row=document.createElement("div"),key=document.createElement("span");
  key.textContent=name;row.append(key,values[low]===null?"\\u2013":values[low]);box.append(row)}
 const px=(d.left+(d.at[low]-d.begin)/(d.end-d.begin)*(d.right-d.left))*r.width;
 rule.hidden=box.hidden=false;rule.style.left=px+"px";
 box.style.left=(px<r.width/2?px+14:px-14-box.offsetWidth)+"px";
 box.style.top=Math.max(0,Math.min(e.clientY-r.top+14,r.height-box.offsetHeight))+"px"});
area.addEventListener("pointerleave",()=>{rule.hidden=box.hidden=true});
"""


class Pane(NamedTuple):
    """Where a pane lies, as fractions of the picture's height from its top, and the lines that are read in it."""

    top: float
    bottom: float
    lines: Sequence[tuple[str, F64]]


def page(title: str, svg: str, ts_ns: I64, panes: Sequence[Pane], left: float, right: float) -> str:
    """
    Return a page of HTML that loads nothing.

    Parameters
    ----------
    title : str
    svg : str
        The picture, an ``<svg>`` element.
    ts_ns : int64[n]
        Time of each row, UTC.
    panes : sequence of Pane
        Their lines are float64[n].
    left, right : float
        Ends of the time axis, as fractions of the picture's width; one median step beyond the first and last time.

    """
    seconds = (ts_ns // 10**9).tolist()
    distances = sorted(after - before for before, after in pairwise(seconds))
    step = distances[len(distances) // 2]
    document = {
        "left": round(left, 5),
        "right": round(right, 5),
        "begin": seconds[0] - step,
        "end": seconds[-1] + step,
        "at": seconds,
        "when": [datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M") for at in seconds],
        "panes": [
            {
                "top": round(pane.top, 5),
                "bottom": round(pane.bottom, 5),
                "lines": [[name, [_number(value) for value in values.tolist()]] for name, values in pane.lines],
            }
            for pane in panes
        ],
    }
    data = json.dumps(document, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{_CSS}</style></head><body>'
        f'<figure><div id="area">{svg}<div id="rule" hidden></div><div id="reading" hidden></div></div></figure>'
        f'<script type="application/json" id="data">{data}</script><script>{_SCRIPT}</script></body></html>\n'
    )


def _number(value: float) -> str | None:
    return None if not math.isfinite(value) else f"{value:.7g}"
