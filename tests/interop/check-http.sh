#!/bin/sh
# SPDX-License-Identifier: MIT
# LuaSocket's own http (lua-socket), and LuaSec's https, against nginx.
. "$srcdir/tests/interop/common.sh"
need nginx nginx-light
certificate
PATH=$PATH:/usr/sbin
for version in $any_lua; do use $version && break; done
[ -n "$lua" ] || skip "no Lua was configured"

set -- $(free_ports 2)
port=$1 tls_port=$2
mkdir "$work/root" "$work/root/secret" "$work/root/upload" "$work/temp"
echo "hello from nginx" | tee "$work/root/page.txt" >"$work/root/secret/page.txt"
"$lua" -e "package.path = package.path .. ';$here/?.lua'
  local case = require 'case'
  for i = 1, 160 do io.write(case.block(i)) end" >"$work/root/large" || fail "no data"
echo "user:{PLAIN}word" >"$work/passwords"
ipv6=
"$lua" -e "assert(require 'socket'.bind('::1', 0))" 2>/dev/null && ipv6=yes
cat >"$work/nginx.conf" <<END
daemon off;
worker_processes 1;
pid $work/nginx.pid;
error_log stderr;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path $work/temp/body;
  proxy_temp_path $work/temp/proxy;
  fastcgi_temp_path $work/temp/fastcgi;
  uwsgi_temp_path $work/temp/uwsgi;
  scgi_temp_path $work/temp/scgi;
  client_max_body_size 20m;
  server {
    listen 127.0.0.1:$port;
    listen 127.0.0.1:$tls_port ssl;
    ${ipv6:+listen [::1]:$port;}
    ${ipv6:+listen [::1]:$tls_port ssl;}
    ssl_certificate $work/cert.pem;
    ssl_certificate_key $work/key.pem;
    root $work/root;
    default_type text/plain;
    location /moved { return 302 /page.txt; }
    location /secret { auth_basic secret; auth_basic_user_file $work/passwords; }
    location /upload { dav_methods PUT; }
    location /chunked {
      alias $work/root;
      sub_filter hello HELLO;
      sub_filter_types *;
    }
    location /echo {
      proxy_set_header X-Body \$request_body;
      proxy_pass http://127.0.0.1:$port/answer;
    }
    location = /answer { return 200 "\$request_method \$http_x_body"; }
  }
}
END
[ -z "$unprivileged" ] || chown -R 65534:65534 "$work"
serve nginx $unprivileged nginx -e stderr -c "$work/nginx.conf" -p "$work"
until_true listening $port || fail "nginx does not answer"
each "$any_lua" "socket.http mime" http.lua $port $tls_port "$work/cert.pem"
