"""Sends a counter, a gauge and two histograms by the OpenTelemetry SDK, as an application does: otlp.py PORT grpc|http."""

import sys
import time

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource

port, protocol = sys.argv[1:]
if protocol == "grpc":
    from grpc import Compression
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter

    exporter = OTLPMetricExporter(f"http://127.0.0.1:{port}", insecure=True, compression=Compression.Gzip)
else:
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

    exporter = OTLPMetricExporter(f"http://127.0.0.1:{port}/v1/metrics", compression=Compression.Gzip)

provider = MeterProvider(
    metric_readers=[PeriodicExportingMetricReader(exporter, export_interval_millis=500)],
    resource=Resource.create({"service.name": "checkout", "service.instance.id": protocol, "region": "eu"}),
    views=[View(instrument_name="size", aggregation=ExponentialBucketHistogramAggregation())],
)
meter = provider.get_meter("tests")
requests = meter.create_counter("requests")
queue = meter.create_up_down_counter("queue")
latency = meter.create_histogram("latency", unit="s")
size = meter.create_histogram("size", unit="By")
for _ in range(4):
    requests.add(3, {"http.method": "GET"})
    queue.add(1)
    latency.record(0.2)
    size.record(300)
    time.sleep(0.5)
delivered = provider.force_flush()
provider.shutdown()
sys.exit(0 if delivered else 1)
