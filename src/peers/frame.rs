//! A message on a connection: its length in four bytes, then the message, and nothing behind it.
//!
//! Must not know what is in it.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Longest message, in bytes: the longest request that a client may push has room in it.
pub(super) const MAX_MESSAGE: usize = 32 * 1024;

/// Writes a message.
pub(super) async fn write(
    stream: &mut (impl AsyncWrite + Unpin),
    message: &[u8],
) -> io::Result<()> {
    let length = u32::try_from(message.len()).ok().filter(|_| message.len() <= MAX_MESSAGE);
    let length = length.ok_or_else(|| io::Error::other("the message is too long"))?;
    let framed = [&length.to_be_bytes()[..], message].concat();
    stream.write_all(&framed).await?;
    stream.flush().await
}

/// Reads a message, and takes no memory for what has not come.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let length = stream.read_u32().await? as usize;
    if length > MAX_MESSAGE {
        return Err(io::Error::other("the message is too long"));
    }
    let mut message = Vec::new();
    let limit = u64::try_from(length).unwrap_or_default();
    stream.take(limit).read_to_end(&mut message).await?;
    if message.len() < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_written_is_read() {
        for length in [0, 1, 1000, MAX_MESSAGE] {
            let (message, mut written) = (vec![7; length], Vec::new());
            write(&mut written, &message).await.unwrap();
            assert_eq!(read(&mut &written[..]).await.unwrap(), message);
            for cut in [0, 3, written.len().saturating_sub(1)] {
                if cut < written.len() {
                    assert!(read(&mut &written[..cut]).await.is_err(), "{length} {cut}");
                }
            }
        }
        assert!(write(&mut Vec::new(), &vec![7; MAX_MESSAGE + 1]).await.is_err());
        for long in [u32::MAX, u32::try_from(MAX_MESSAGE).unwrap() + 1] {
            assert!(read(&mut &[&long.to_be_bytes()[..], &[7; 9]].concat()[..]).await.is_err());
        }
    }
}
