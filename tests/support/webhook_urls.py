"""URLs of webhooks: in which form they are stored, and with which sentence they are refused."""

HOOKS = "https://hooks.example.com"
STORED = {
    "https://hooks.example.com": "https://hooks.example.com/",
    "https://hooks.example.com/": "https://hooks.example.com/",
    "https://hooks.example.com?x=1": "https://hooks.example.com/?x=1",
    "https://hooks.example.com:443/a": "https://hooks.example.com/a",
    "https://hooks.example.com:/a": "https://hooks.example.com/a",
    "https://hooks.example.com:00443/a": "https://hooks.example.com/a",
    "https://hooks.example.com:8443/a": "https://hooks.example.com:8443/a",
    "https://hooks.example.com:1024/": "https://hooks.example.com:1024/",
    "https://hooks.example.com:65535/": "https://hooks.example.com:65535/",
    "HTTPS://Hooks.EXAMPLE.com/Path?Query=A": "https://hooks.example.com/Path?Query=A",
    "https://bücher.example/": "https://xn--bcher-kva.example/",
    "https://BÜCHER.example/": "https://xn--bcher-kva.example/",
    "https://faß.example/": "https://xn--fa-hia.example/",  # Not fass.example, as in the IDNA of 2003.
    "https://xn--bcher-kva.example/": "https://xn--bcher-kva.example/",
    "https://my_host.example.com/": "https://my_host.example.com/",
    "https://1.example.com/": "https://1.example.com/",
    "https://1password.com/": "https://1password.com/",
    "https://8.8.8.8/": "https://8.8.8.8/",
    "https://[2606:4700::1111]:8443/": "https://[2606:4700::1111]:8443/",
    "https://[2606:4700:0:0::1111]/": "https://[2606:4700:0:0::1111]/",
    "https://hooks.example.com/a%20b/%C3%A4;x=1,2/@me!$&'()*+": "https://hooks.example.com/a%20b/%C3%A4;x=1,2/@me!$&'()*+",
    "https://hooks.example.com//a/../b/./?a=b&c=": "https://hooks.example.com//a/../b/./?a=b&c=",
    "https://hooks.example.com/?next=https://x.example/": "https://hooks.example.com/?next=https://x.example/",
    "https://localhost.example.com/": "https://localhost.example.com/",
    "https://local.example.com/": "https://local.example.com/",
}
SCHEME = "Must begin with https://."
SPACE = "Must not contain white space or control characters."
PORT = "Must have the port 443, or one from 1024 to 65535."
HOST = "Must have a host, and a port in digits if it has one."
NAME = "Must have a valid host name."
PUBLIC_NAME = "Must have a public host name, such as hooks.example.com."
ADDRESS = "Must have an IP address in its usual form: four decimal numbers, or IPv6 in brackets."
PRIVATE = "Must not have the address of a private or special network."
USER = "Must not contain a user or a password."
REST = "Must have a path and a query in ASCII. Percent-encode all other characters (RFC 3986)."
REFUSED = {
    SCHEME: [
        *("", "x", "/", "//hooks.example.com/", "hooks.example.com", "www.example.com/a", "https:/hooks.example.com"),
        *("https:hooks.example.com", "http://hooks.example.com/", "HTTP://hooks.example.com/", "ftp://example.com/"),
        *("file:///etc/passwd", "javascript:alert(1)", "data:,x", "gopher://x.example/", "ws://x.example/", "https"),
        *("httpss://x.example/", "xhttps://x.example/", "mailto:a@x.example", "http://x.example/#a"),
    ],
    "Must not contain a fragment (#).": [f"{HOOKS}/#", f"{HOOKS}/a#b", f"{HOOKS}#a", "https://#"],
    SPACE: [
        *(
            f" {HOOKS}",
            f"{HOOKS} ",
            f"{HOOKS}/a b",
            f"{HOOKS}/\n",
            f"{HOOKS}/\r\nHost: x",
            "https://a .example/",
        ),
        *(
            f"{HOOKS}/\t",
            f"{HOOKS}/\x7f",
            f"{HOOKS}/\x85",
            f"{HOOKS}/\u00a0",
            f"{HOOKS}/\u2028",
            "https://a\u200bb.example/",
        ),
        *(f"\ufeff{HOOKS}", f"{HOOKS}/\u202e", "https://ho\u3000oks.example/"),
    ],
    "Must not contain a backslash.": ["https:\\\\hooks.example.com", f"{HOOKS}\\@evil.example/", f"{HOOKS}/a\\b"],
    USER: ["https://user@x.example/", "https://user:pass@x.example/", "https://@x.example/", "https://a@b@x.example/"],
    HOST: [
        *("https://", "https:///", "https:///a", "https://:443/", "https://?a", "https://x.example:https/"),
        *("https://x.example:-1/", "https://x.example:+443/", "https://x.example:443:443/", "https://2606:4700::1111/"),
        *("https://x.example:443000/", "https://x.example:４４３/", "https://[::1", "https://[::1]x/", "https://]/"),
        *("https://a[::1]/", "https://x.example:4.43/"),
    ],
    PORT: [f"https://x.example:{port}/" for port in (0, 1, 22, 25, 53, 80, 442, 444, 445, 993, 1023, 65536, 99999)],
    NAME: [
        *(
            "https://-a.example/",
            "https://a-.example/",
            "https://a..example/",
            "https://.example/",
            "https://example./",
        ),
        *("https://localhost./", "https://./", "https://a%2eb.example/", "https://127%2e0.0.1.example/"),
        *(
            f"https://{'a' * 64}.example/",
            f"https://{'a.' * 127}example/",
            "https://a*.example/",
            "https://a,b.example/",
        ),
        *("https://a!b.example/", "https://$(x).example/", "https://a<b.example/", "https://xn--\u2603-.example/"),
        *(
            "https://\u2603\u0301-.example/",
            "https://\U0001f4c5.example/",
            "https://a;b.example/",
            "https://a'b.example/",
        ),
    ],
    PUBLIC_NAME: [
        *("https://localhost/", "https://LOCALHOST:8443/", "https://a.localhost/", "https://db/", "https://metadata/"),
        *("https://printer.local/", "https://metadata.google.internal/", "https://a.b.internal/", "https://x.lan/"),
        *("https://x.corp/", "https://x.home/", "https://x.home.arpa/", "https://home.arpa/", "https://x.intranet/"),
        *(
            "https://x.localdomain/",
            "https://x.invalid/",
            "https://x.private/",
            "https://ｌｏｃａｌｈｏｓｔ/",
            "https://com/",
        ),
        "https://ⓛocalhost/",
    ],
    ADDRESS: [
        # As browsers, curl and the C library read them: 127.0.0.1, or 10.0.0.1, in other spellings.
        *("https://2130706433/", "https://0x7f000001/", "https://0x7f.0.0.1/", "https://0177.0.0.1/", "https://127.1/"),
        *(
            "https://127.0.1/",
            "https://0x7F.1/",
            "https://017700000001/",
            "https://0/",
            "https://0x/",
            "https://1.2.3/",
        ),
        *(
            "https://127.0.0.01/",
            "https://127.0.0.1./",
            "https://256.256.256.256/",
            "https://1.2.3.4.5/",
            "https://1e.0x7/",
        ),
        *("https://a.example.1/", "https://00000010.0.0.1/", "https://10.0.0.0x1/", "https://99999999999/"),
        *("https://[127.0.0.1]/", "https://[]/", "https://[x]/", "https://[::1%25eth0]/", "https://[fe80::1%eth0]/"),
        *("https://[1:2]/", "https://[::ffff:0x7f000001]/", "https://[v1.x]/", "https://[hooks.example.com]/"),
    ],
    PRIVATE: [
        *(
            "https://127.0.0.1/",
            "https://127.255.255.254/",
            "https://0.0.0.0/",
            "https://0.1.2.3/",
            "https://10.0.0.1/",
        ),
        *("https://172.16.0.1/", "https://172.31.255.255/", "https://192.168.1.1:8443/", "https://169.254.169.254/"),
        *("https://100.64.0.1/", "https://100.127.255.255/", "https://192.0.0.1/", "https://192.0.2.1/"),
        *("https://198.18.0.1/", "https://198.51.100.1/", "https://203.0.113.7/", "https://224.0.0.1/"),
        *("https://239.255.255.250/", "https://240.0.0.1/", "https://255.255.255.255/"),
        *("https://１２７．０．０．１/", "https://127。0。0。1/", "https://①②⑦.0.0.1/"),
        *("https://[::1]/", "https://[::]/", "https://[0:0:0:0:0:0:0:1]/", "https://[fe80::1]/", "https://[fec0::1]/"),
        *("https://[fc00::1]/", "https://[fd00:ec2::254]/", "https://[ff02::1]/", "https://[ff0e::1]/"),
        *("https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[::ffff:8.8.8.8]/"),
        *(
            "https://[::127.0.0.1]/",
            "https://[::8.8.8.8]/",
            "https://[64:ff9b::7f00:1]/",
            "https://[64:ff9b::8.8.8.8]/",
        ),
        *("https://[64:ff9b:1::7f00:1]/", "https://[2002:7f00:1::]/", "https://[2001:0:7f00:1::]/"),
        *("https://[2001:db8::1]/", "https://[100::1]/", "https://[2001:10::1]/"),
    ],
    REST: [
        *(f"{HOOKS}/ä", f"{HOOKS}/?q=ü", f"{HOOKS}/%", f"{HOOKS}/%2", f"{HOOKS}/%zz", f"{HOOKS}/%2g"),
        *(f'{HOOKS}/"', f"{HOOKS}/<x>", f"{HOOKS}/{{id}}", f"{HOOKS}/|", f"{HOOKS}/^", f"{HOOKS}/`", f"{HOOKS}/[a]"),
        f"{HOOKS}/\U0001f4c5",
    ],
}
# Allowed for development.
PRIVATE_URLS = {
    "http://127.0.0.1:5000/hook": "http://127.0.0.1:5000/hook",
    "http://localhost/": "http://localhost/",
    "http://receiver:80/": "http://receiver/",
    "http://receiver:443/": "http://receiver:443/",
    "https://receiver:8443": "https://receiver:8443/",
    "https://10.0.0.1/": "https://10.0.0.1/",
    "http://[::1]:8000/": "http://[::1]:8000/",
    "https://printer.local/": "https://printer.local/",
}
