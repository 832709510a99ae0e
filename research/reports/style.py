"""The look of a report: its style sheet and the small script that reads values and sorts tables."""

from __future__ import annotations

CSS = """
:root{--ink:#17202c;--muted:#64718a;--faint:#93a0b5;--line:#e3e8ef;--soft:#f1f4f8;--page:#f6f8fa;--card:#fff;
--main:#1d5fd1;--held:#d98400;--random:#7d8aa3;--up:#0c8460;--down:#c4342b;--alarm:#b3261e}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 Inter,"Segoe UI",system-ui,-apple-system,
"Helvetica Neue",Arial,"Liberation Sans",sans-serif;font-variant-numeric:tabular-nums}
main,header.top,footer{max-width:1180px;margin:0 auto;padding:0 24px}
header.top{padding-top:34px;padding-bottom:6px}
h1{font-size:27px;line-height:1.2;letter-spacing:-.015em;margin:0 0 6px;font-weight:680}
h2{font-size:17px;letter-spacing:-.005em;margin:0 0 2px;font-weight:650}
h3{font-size:14px;margin:18px 0 6px;font-weight:620}
p.note{margin:0 0 12px;color:var(--muted);font-size:13.5px;max-width:920px}
.scroll+p.note{margin:10px 0 2px}
p.empty{color:var(--muted);margin:8px 0 4px}
.lead{color:var(--muted);margin:0}
.chips{display:flex;flex-wrap:wrap;gap:8px;margin:14px 0 4px}
.chip{border:1px solid var(--line);background:var(--card);border-radius:999px;padding:3px 12px;font-size:13px}
.chip.loud{background:var(--ink);border-color:var(--ink);color:#fff;font-weight:620;letter-spacing:.02em}
.banner{border-radius:10px;padding:14px 18px;margin:16px 0 0;border:1px solid}
.banner strong{display:block;font-size:15.5px;margin-bottom:2px}
.banner ul{margin:4px 0 0;padding-left:20px}
.banner.alarm{background:#fdecea;border-color:#e9a8a2;border-left:6px solid var(--alarm);color:#6d150f}
.banner.warn{background:#fff7e6;border-color:#f0d59b;border-left:6px solid #d98400;color:#5f3f00}
.tiles{display:grid;grid-template-columns:repeat(4,1fr);gap:12px;margin:20px 0 0}
.tile{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:13px 15px 12px}
.tile span{display:block;color:var(--muted);font-size:12.5px}
.tile b{display:block;font-size:23px;line-height:1.25;font-weight:660;letter-spacing:-.015em;margin:1px 0}
.tile small{color:var(--muted);font-size:12.5px}
section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:20px 22px 18px;margin:16px 0 0}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:16px}
.pair>section{min-width:0}
.up{color:var(--up)}.down{color:var(--down)}.muted{color:var(--muted)}.strong{font-weight:630}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:13.5px}
th,td{text-align:left;padding:6px 10px;border-bottom:1px solid var(--line);white-space:nowrap}
thead th{color:var(--muted);font-weight:560;font-size:12.5px;border-bottom:1px solid #cfd7e2}
tbody tr:last-child>*{border-bottom:0}
th.n,td.n{text-align:right}
th:first-child,td:first-child{padding-left:2px}th:last-child,td:last-child{padding-right:2px}
table.facts th{color:var(--muted);font-weight:450;width:1%;padding-right:26px;vertical-align:top}
ol{margin:0;padding-left:22px}ol li{padding:4px 0 4px 4px;font-size:13.5px}ol li::marker{color:var(--faint)}
table.facts td{white-space:normal;overflow-wrap:anywhere}
table.mono td{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"Liberation Mono",monospace;font-size:12.5px}
table.total tbody tr:last-child>*{border-top:1px solid #cfd7e2;font-weight:650}
table.heat{table-layout:fixed;min-width:860px}
table.heat td,table.heat th{padding:6px 7px;text-align:right}
table.heat td:first-child{text-align:left}
.hu1{background:#e9f6f1}.hu2{background:#cdebdf}.hu3{background:#a5dac6}.hu4{background:#77c6a8}.hu5{background:#47ad88}
.hd1{background:#fcefed}.hd2{background:#f8d7d3}.hd3{background:#f1b5ae}.hd4{background:#e78f86}.hd5{background:#da695e}
table.meters{margin-top:10px}table.meters th{font-weight:450;width:1%}
table.meters td.n{width:1%}
.meter{min-width:120px}
.meter span{display:block;height:11px;border-radius:3px;background:currentColor;min-width:2px;opacity:.75}
.meters.plain .meter span{color:var(--main)}
.trades .scroll{max-height:520px;overflow:auto;border:1px solid var(--line);border-radius:8px}
.trades thead th{position:sticky;top:0;background:var(--soft);z-index:1}
.trades td{font-size:12px;padding:5px 7px}.trades th{padding:6px 7px}
.trades th:first-child,.trades td:first-child{padding-left:10px}
.js th.key{cursor:pointer;user-select:none}
.js th.key:hover{color:var(--ink)}
th[aria-sort=ascending]::after{content:" \\2191"}
th[aria-sort=descending]::after{content:" \\2193"}
.role{border-radius:4px;padding:1px 6px;background:var(--soft);font-size:12px}
figure.chart{margin:6px 0 0;position:relative}
figure.chart svg{display:block;width:100%;height:auto;overflow:visible}
svg text{font-size:12px;fill:var(--muted)}
svg .grid{stroke:#e8ecf2;stroke-width:1}
svg .grid.zero{stroke:#b9c3d2}
svg .grid.tick{stroke:#f1f4f8}
svg .line{fill:none;stroke-width:1.6;stroke-linejoin:round}
svg .line.main{stroke:var(--main);stroke-width:2}
svg .line.held{stroke:var(--held)}
svg .line.random{stroke:var(--random);stroke-dasharray:5 4}
svg .line.loss{stroke:var(--down);stroke-width:1.3}
svg .line.net{stroke:var(--held);stroke-width:1.4}svg .line.thin{stroke:var(--main);stroke-width:1.2}
svg .fill{stroke:none}
svg .loss.fill{fill:var(--down);opacity:.14}
svg .main.fill,svg .thin.fill{fill:var(--main);opacity:.14}
svg .wide{fill:var(--random);opacity:.14}
svg .narrow{fill:var(--random);opacity:.17}
svg .peak{fill:var(--main);opacity:.13}
svg line.rule{stroke:var(--alarm);stroke-width:1;stroke-dasharray:4 4;opacity:.75}
svg text.rule{fill:var(--alarm);font-size:11.5px}
svg rect.up{fill:var(--up);opacity:.8}svg rect.down{fill:var(--down);opacity:.8}
svg .cursor{stroke:#8b97ab;stroke-width:1;visibility:hidden}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;font-size:13px;color:var(--muted);margin-top:6px}
.legend i{display:inline-block;width:18px;height:0;border-top:3px solid;margin-right:7px;vertical-align:middle}
.legend i.box{height:11px;border:0;border-radius:2px}
.legend .main{color:var(--main)}.legend .held{color:var(--held)}.legend .random{color:var(--random)}
.legend .loss{color:var(--down)}
.legend .wide{background:#e3e6ec}.legend .narrow{background:#c9ced8}.legend .peak{background:#dde7f8}
.legend span b{font-weight:450;color:var(--ink)}
.reading{position:absolute;top:6px;pointer-events:none;background:rgba(23,32,44,.93);color:#fff;border-radius:7px;
padding:7px 11px;font-size:12.5px;line-height:1.45;white-space:nowrap;z-index:2}
.reading b{font-weight:600;float:right;margin-left:16px}
footer{color:var(--muted);font-size:13px;padding-top:18px;padding-bottom:40px}
@media(max-width:820px){.tiles{grid-template-columns:1fr 1fr}.pair{grid-template-columns:1fr}
main,header.top,footer{padding-left:14px;padding-right:14px}
section{padding:16px 14px}figure.chart{overflow-x:auto}
figure.chart svg{min-width:720px}svg text{font-size:15px}
.pair figure.chart svg{min-width:0}}
@media print{body{background:#fff}section,.tile{break-inside:avoid}.trades .scroll{max-height:none}}
"""

SCRIPT = """
document.documentElement.classList.add('js');
document.querySelectorAll('figure.chart').forEach(function(figure){
  var source=figure.querySelector('script');if(!source)return;
  var data=JSON.parse(source.textContent),svg=figure.querySelector('svg');
  var cursor=svg.querySelector('.cursor'),box=figure.querySelector('.reading');
  function leave(){cursor.style.visibility='hidden';box.hidden=true}
  svg.addEventListener('pointermove',function(event){
    var frame=svg.getBoundingClientRect();
    var x=(event.clientX-frame.left)/frame.width*svg.viewBox.baseVal.width;
    var low=0,high=data.x.length-1;
    while(high-low>1){var mid=(low+high)>>1;if(data.x[mid]>x)high=mid;else low=mid}
    var at=x-data.x[low]<data.x[high]-x?low:high;
    cursor.setAttribute('x1',data.x[at]);cursor.setAttribute('x2',data.x[at]);cursor.style.visibility='visible';
    box.textContent='';
    var head=document.createElement('div');head.textContent=data.t[at]+' UTC';box.appendChild(head);
    data.s.forEach(function(line){
      var row=document.createElement('div'),value=document.createElement('b');
      row.textContent=line[0];value.textContent=line[1][at];row.appendChild(value);box.appendChild(row)});
    box.hidden=false;
    var left=data.x[at]/svg.viewBox.baseVal.width*frame.width;
    box.style.left=(left>frame.width/2?left-box.offsetWidth-14:left+14)+'px'});
  svg.addEventListener('pointerleave',leave)});
document.querySelectorAll('table.sortable').forEach(function(table){
  var heads=table.tHead.rows[0].cells,body=table.tBodies[0];
  Array.prototype.forEach.call(heads,function(head,column){
    head.classList.add('key');head.tabIndex=0;
    function sort(){
      var down=head.getAttribute('aria-sort')!=='descending';
      Array.prototype.forEach.call(heads,function(other){other.removeAttribute('aria-sort')});
      head.setAttribute('aria-sort',down?'descending':'ascending');
      var rows=Array.prototype.slice.call(body.rows);
      function key(row){var cell=row.cells[column],raw=cell.dataset.sort;
        return raw===undefined?cell.textContent:isNaN(raw)||raw===''?raw:Number(raw)}
      rows.sort(function(a,b){var p=key(a),q=key(b);return (p<q?-1:p>q?1:0)*(down?-1:1)});
      rows.forEach(function(row){body.appendChild(row)})}
    head.addEventListener('click',sort);
    head.addEventListener('keydown',function(event){if(event.key==='Enter')sort()})})});
"""
