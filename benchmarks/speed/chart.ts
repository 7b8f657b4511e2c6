import { BarChart, LineChart } from 'echarts/charts';
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';

use([BarChart, LineChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

export interface Chart {
  readonly kind: 'bar' | 'line';
  readonly title: string;
  readonly unit: string;
  readonly categories: readonly string[];
  readonly series: readonly { readonly name: string; readonly values: readonly number[] }[];
  /** Where values lie orders of magnitude apart. */
  readonly isLogarithmic: boolean;
}

/** A plot that every browser and GitHub show, made without either. */
export function svgOf({ kind, title, unit, categories, series, isLogarithmic }: Chart): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: 900, height: 420 });
  chart.setOption({
    animation: false,
    backgroundColor: '#fff',
    title: { text: title, left: 'center', textStyle: { fontSize: 15 } },
    legend: { top: 28 },
    grid: { left: 70, right: 20, top: 64, bottom: 40 },
    xAxis: { type: 'category', data: [...categories] },
    yAxis: { type: isLogarithmic ? 'log' : 'value', name: unit },
    series: series.map(({ name, values }) => ({
      ...{ name, type: kind },
      data: values.map((value) => (Number.isFinite(value) ? Number(value.toFixed(2)) : null)),
    })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}
