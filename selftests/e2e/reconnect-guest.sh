# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Guest part of reconnect.sh: writes and reads back, again and again, until the host
# says a line.
fio --version >/dev/null
stty -echo </dev/ttyS1
{ read -r _ && : >/tmp/enough; } </dev/ttyS1 &
echo writing
until [ -e /tmp/enough ]; do
	fio --name=write --filename=/dev/vda --rw=randwrite --bs=4k --size=4m --iodepth=8 \
		--ioengine=libaio --direct=1 --eta=never --time_based --runtime=5 --verify=crc32c \
		--verify_fatal=1 --output=/tmp/write.log || { tail -n 20 /tmp/write.log; exit 1; }
done
echo "result verified"
