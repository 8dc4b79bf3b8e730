"""Service logs written for the on-call pack: lines of a service named `checkout`, each with what is right."""

from __future__ import annotations

from dataclasses import dataclass

AT = "2026-11-28 02:00:00"
ISO = "2026-11-28T02:00:00Z"


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of one kind of log: `errors` tell of an error of the service, `others` do not."""

    name: str
    errors: tuple[str, ...]
    others: tuple[str, ...]


CORPUS = (
    Lines(
        "plain, in any case",
        (
            f"{AT} ERROR checkout failed",
            f"{AT} error checkout failed",
            f"{AT} checkout FATAL no memory",
            f"{AT} checkout CRITICAL down",
            "ERROR:checkout:failed",
            f"{AT} checkout: error: cannot open",
        ),
        (
            f"{AT} INFO checkout ready",
            f"{AT} WARN checkout slow",
            f"{AT} INFO checkout: no ERROR found",
            f"{AT} INFO checkout retried after an error: fine now",
            f"{AT} DEBUG checkout errors=0",
            f"{AT} checkout ready",
        ),
    ),
    Lines(
        "numbers that look like a status",
        (),
        (
            f"{AT}.503 1234 INFO checkout.api request served",
            f"{AT}.500 1234 INFO checkout.api request served 500",
            f"{AT} INFO checkout 512 items in 503 ms",
            f"{AT} INFO checkout status: 512 kB free",
            f"{AT} INFO checkout listens on port 5000",
            f"{AT} INFO order 501 of checkout",
        ),
    ),
    Lines(
        "a status of 5xx",
        (
            '10.0.0.1 - - [28/Nov/2026:02:00:00 +0000] "GET /checkout HTTP/1.1" 502 12',
            f"{AT} INFO checkout status=503 path=/pay",
            f"{AT} INFO checkout HTTP/1.1 500 Internal Server Error",
            f'{{"time":"{ISO}","level":"info","service":"checkout","status":504}}',
            f'{{"time":"{ISO}","service":"checkout","http":{{"status_code":"500"}}}}',
        ),
        (
            '10.0.0.1 - - [28/Nov/2026:02:00:00 +0000] "GET /checkout HTTP/1.1" 200 502',
            f"{AT} INFO checkout status=200 took=503",
            f'{{"time":"{ISO}","level":"info","service":"checkout","status":200,"ms":500}}',
        ),
    ),
    Lines(
        "JSON",
        (
            '{"level":"error","service":"checkout","error":"db timeout","message":"request failed"}',
            '{"ts":1795831200.1,"level":"ERROR","app":"checkout","msg":"x"}',
            '{"severity":"CRITICAL","message":"checkout is down"}',
            '{"level":50,"time":1795831200000,"name":"api","service":"checkout","msg":"pino"}',
            '{"log":{"level":"error"},"service":{"name":"checkout"},"message":"elastic common schema"}',
            '{"version":"1.1","host":"a","short_message":"checkout broke","level":3}',
            '{"log":"2026-11-28 02:00:00 ERROR checkout failed\\n","stream":"stderr"}',
        ),
        (
            '{"level":"info","service":"checkout","error":null,"message":"recovered from ERROR"}',
            '{"level":30,"service":"checkout","msg":"pino"}',
            '{"version":"1.1","short_message":"checkout is fine","level":6}',
            '{"level":"error","service":"gateway","message":"checkout is slow"}',
            '{"level":"error","service":"checkout-worker","message":"x"}',
            '{"log":"2026-11-28 02:00:00 INFO checkout served\\n","stream":"stdout"}',
            '{"level":true,"service":"checkout"}',
        ),
    ),
    Lines(
        "logfmt",
        (
            f'time={ISO} level=error service=checkout msg="request failed"',
            f'ts={ISO} lvl=crit app=checkout msg="x"',
            f'time="{ISO}" level=fatal msg="checkout cannot start"',
        ),
        (
            f'time={ISO} level=info service=checkout msg="ERROR was handled"',
            f'time={ISO} level=error service=cart msg="checkout asked too often"',
            f"time={ISO} level=warning service=checkout",
        ),
    ),
    Lines(
        "klog and glog",
        (
            "E1128 02:00:00.123456       1 checkout.go:42] request failed",
            "F1128 02:00:00.123456       1 main.go:7] checkout cannot start",
        ),
        (
            "I1128 02:00:00.123456       1 checkout.go:42] error budget left",
            "W1128 02:00:00.503456  1 checkout.go:1] x",
        ),
    ),
    Lines(
        "error logs of nginx and Apache",
        (
            '2026/11/28 02:00:00 [error] 7#7: *1 connect() failed, upstream: "http://checkout:80/"',
            "2026/11/28 02:00:00 [crit] 7#7: *1 checkout.sock is gone",
            "[Sat Nov 28 02:00:00.123456 2026] [proxy:error] [pid 1] checkout did not answer",
        ),
        (
            "2026/11/28 02:00:00 [notice] 7#7: checkout error log reopened",
            "[Sat Nov 28 02:00:00.123456 2026] [core:notice] [pid 1] checkout resumed",
        ),
    ),
    Lines(
        "syslog",
        (
            "Nov 28 02:00:00 web1 checkout[12]: error: cannot connect",
            "<11>Nov 28 02:00:00 web1 checkout[12]: cannot connect",
            "<30>Nov 28 02:00:00 web1 checkout[12]: ERROR cannot connect",
        ),
        (
            "Nov 28 02:00:00 web1 checkout[12]: connected",
            "<14>Nov 28 02:00:00 web1 checkout[12]: connected",
            "<11>Nov 28 02:00:00 web1 cart[12]: cannot connect",
        ),
    ),
    Lines(
        "frameworks",
        (
            f"{AT}.480 ERROR 1234 --- [nio-1] c.e.checkout.PayController : refused",
            f"{AT},123 - checkout - ERROR - refused",
            f"[{ISO} ERROR checkout::pay] refused",
            "[02:00:00 ERROR] checkout refused",
            f"{ISO}\terror\tcheckout/main.go:42\trefused",
            f"E, [{ISO} #12] ERROR -- checkout: refused",
            f"{AT} [SEVERE] checkout refused",
            f"{AT}.123 UTC [12] checkout@db ERROR:  relation is gone",
        ),
        (
            f"{AT}.480  INFO 1234 --- [nio-1] c.e.checkout.PayController : served",
            f"{AT},123 - checkout - INFO - no ERROR",
            f"I, [{ISO} #12] INFO -- checkout: served",
            f"{AT}.123 UTC [12] checkout@db LOG:  checkpoint",
        ),
    ),
    Lines(
        "names of services, whole",
        (
            f"{AT} ERROR checkout-5d9c7b6f4-x2k8p refused",
            f"{AT} ERROR checkout-0 refused",
            f"{AT} ERROR [checkout] refused",
            f"{AT} ERROR http://checkout:8080/pay refused",
            f"{AT} ERROR CHECKOUT refused",
        ),
        (
            f"{AT} ERROR checkout-worker refused",
            f"{AT} ERROR precheckout refused",
            f"{AT} ERROR checkouts refused",
            f"{AT} ERROR pre-checkout refused",
            f"{AT} ERROR checkout_v2 refused",
            f"{AT} ERROR cart refused",
        ),
    ),
    Lines(
        "lines of containers",
        (f"{ISO} stderr F {AT} ERROR checkout failed", f"checkout-1  | {AT} ERROR failed"),
        (f"{ISO} stderr F {AT} INFO checkout served", f"cart-1  | {AT} ERROR failed"),
    ),
    Lines(
        "what else is out there",
        (
            "fail: Checkout.PayService[0] refused",
            '{"t":{"$date":"2026-11-28T02:00:00Z"},"s":"E","c":"NETWORK","msg":"checkout refused"}',
            '{"PRIORITY":"3","MESSAGE":"refused","_SYSTEMD_UNIT":"checkout.service"}',
            f"{AT} \x1b[31mERROR\x1b[0m checkout refused",
            "[28-Nov-2026 02:00:00 UTC] PHP Fatal error:  Uncaught Refused in /srv/checkout/pay.php:3",
            'error: refused {"service":"checkout"}',
            "02:00:00.123 [error] GenServer checkout terminating",
            'at=error code=H12 desc="Request timeout" host=checkout.example.com status=503',
            f'[{ISO}] "POST /pay HTTP/2" 503 UF 0 0 "checkout"',
        ),
        (
            "info: Checkout.PayService[0] served",
            '{"t":{"$date":"2026-11-28T02:00:00Z"},"s":"I","c":"NETWORK","msg":"checkout served"}',
            '{"PRIORITY":"6","MESSAGE":"served","_SYSTEMD_UNIT":"checkout.service"}',
            f"{AT} \x1b[32mINFO\x1b[0m checkout served",
            "[28-Nov-2026 02:00:00 UTC] PHP Warning:  slow in /srv/checkout/pay.php:3",
            'at=info method=GET path="/" host=checkout.example.com status=200 service=503ms',
        ),
    ),
    Lines(
        "not text", (), ("\x00\x01checkout\xff", "checkout " + "x" * 100_000, "{", "[", "{}", "[1]", "null")
    ),
)
