"""What the data set's part of the page needs beside `demo.theme`, as CSS."""

CSS = """
/* An empty line takes no room, and lines of text end where the boxes around them do. */
#ds-notice:not(:has(.notice)), #ds-status:not(:has(.ds-status, .notice)) { display: none; }
#ds-status .notice { margin-bottom: 8px; }
#ds-status .html-container, #ds-notice .html-container { padding: 0; }
#ds-results .html-container { padding: 2px; }
.ds-status { display: grid; gap: 8px; border: 1px solid var(--border-color-primary); border-radius: 8px;
             padding: 12px 16px; background: var(--block-background-fill); }
.ds-status p { margin: 0; }
.ds-status .said { display: flex; flex-wrap: wrap; gap: 2px 24px; font-variant-numeric: tabular-nums; }
.ds-status .quiet { color: var(--body-text-color-subdued); font-size: 13px; }
.ds-status .track { height: 12px; border-radius: 6px; overflow: hidden; background: var(--background-fill-secondary);
                    box-shadow: inset 0 0 0 1px var(--border-color-primary); }
.ds-status .track i { display: block; height: 100%; border-radius: 6px; background: var(--color-accent);
                      transition: width .6s; }
.ds-status.empty { border-style: dashed; padding: 28px 20px; justify-items: center; text-align: center; gap: 6px; }
.ds-status.empty b { font-size: 18px; }
.ds-status.empty p { max-width: 62ch; }

.ds-figures { display: flex; flex-wrap: wrap; gap: 10px 40px; align-items: flex-start; padding: 4px 2px; }
.ds-figures .figure small { display: block; font-size: 13px; color: var(--body-text-color-subdued);
                            font-variant-numeric: tabular-nums; }
.ds-figures .interval { position: relative; width: 168px; height: 8px; margin: 5px 0 4px; border-radius: 4px;
                        background: var(--background-fill-secondary);
                        box-shadow: inset 0 0 0 1px var(--border-color-primary); }
.ds-figures .interval i { position: absolute; top: 0; height: 100%; min-width: 3px; border-radius: 4px;
                          background: var(--color-accent); opacity: .45; }
.ds-figures .interval b { position: absolute; top: -3px; width: 3px; height: 14px; margin-left: -1px;
                          border-radius: 2px; background: var(--color-accent); }
.ds-title { font-size: 16px; font-weight: 650; margin: 6px 0 0; }
.ds-note { font-size: 13px; color: var(--body-text-color-subdued); margin: 0; overflow-wrap: anywhere; }
.ds-said { margin: 0; font-weight: 600; }
.ds-note .key { display: inline-block; width: 12px; height: 12px; border-radius: 3px; vertical-align: -1px;
                margin: 0 3px 0 8px; box-shadow: inset 0 0 0 1px rgb(0 0 0 / .25); }
.ds-note .key:first-child { margin-left: 0; }

.ds-bars { display: grid; gap: 3px; font-size: 13px; font-variant-numeric: tabular-nums; }
.ds-bars > * { display: grid; grid-template-columns: 104px 1fr 48px 52px; gap: 8px; align-items: center;
               border-radius: 4px; padding: 1px 4px; }
.ds-bars > * > :first-child, .ds-bars > * > :nth-child(n+3) { text-align: right; }
.ds-bars button { background: none; border: 0; width: 100%; color: inherit; font: inherit; cursor: pointer; }
.ds-bars button:hover { background: var(--background-fill-secondary); }
.ds-bars button:hover > :first-child { text-decoration: underline; }
.ds-bars .head { color: var(--body-text-color-subdued); }
.ds-bars .absent { opacity: .55; }
.ds-bars .chosen { background: var(--background-fill-secondary); box-shadow: 0 0 0 2px var(--color-accent);
                   font-weight: 650; }
.ds-bars .track { height: 14px; border-radius: 4px; background: var(--background-fill-secondary); overflow: hidden;
                  box-shadow: inset 0 0 0 1px var(--border-color-primary); }
.ds-bars .track i { display: block; height: 100%; box-shadow: inset 0 0 0 1px rgb(0 0 0 / .2); }

/* The plots are drawn in dark ink on nothing; in the dark the ink turns light, and hues stay. */
.dark #ds-matrix img, .dark #ds-scatter img { filter: invert(1) hue-rotate(180deg); }
#ds-matrix img, #ds-scatter img { width: 100%; object-fit: contain; cursor: pointer; }
#ds-matrix .image-container, #ds-scatter .image-container { height: auto; }

/* The page scrolls, not a box in it. */
#ds-gallery .grid-wrap { max-height: none; overflow: visible; padding: 0; }
#ds-gallery .grid-container { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(230px, 100%), 1fr));
                              gap: 12px; }
#ds-gallery .thumbnail-lg { aspect-ratio: auto; height: auto; width: 100%; }
#ds-gallery .thumbnail-item { display: flex; flex-direction: column; background: var(--block-background-fill); }
#ds-gallery .thumbnail-item img { width: 100%; height: auto; aspect-ratio: 4 / 3; }
/* Under the picture, not over the part of it that matters most. */
#ds-gallery .caption-label { position: static; width: 100%; max-width: none; box-sizing: border-box; border: 0;
                             text-align: left; white-space: normal; opacity: 1; }
.ds-filters { align-items: end; }
@media (max-width: 520px) {
  .ds-bars > * { grid-template-columns: 92px 1fr 44px 40px; gap: 6px; }
  .ds-figures { gap: 10px 24px; }
  /* Scrolls in its own box: at the width of a phone nobody could read it, or hit a cell. */
  #ds-matrix .image-container { display: block; overflow-x: auto; }
  #ds-matrix .image-container button:has(img), #ds-matrix .image-frame { display: block; width: 680px;
                                                                         overflow: visible; }
  #ds-matrix img { width: 680px; max-width: none; }
}
"""
