# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Guest part of reconnect.sh: writes and reads back, again and again.
fio --version >/dev/null
echo writing
fio --name=write --filename=/dev/vda --rw=randwrite --bs=4k --size=4m --iodepth=8 --ioengine=libaio \
	--direct=1 --eta=never --time_based --runtime=15 --verify=crc32c --verify_fatal=1 \
	--output=/tmp/write.log || { tail -n 20 /tmp/write.log; exit 1; }
echo "result verified"
